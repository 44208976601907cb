import { expect, test } from 'vitest'
import { type Answer, answerTime, type Row, readAnswer, rowText } from './answer.ts'
import { readChangedRows, readQueryRows } from './rows.ts'

const answer = (body: string): Answer => readAnswer(Buffer.from(body))
const meta = '"MetaData":{"LastUpdatedTime":"2026-05-05T05:16:21-07:00"}'
const at = Date.UTC(2026, 4, 5, 12, 16, 21) / 1000

const seen = (rows: readonly Row[]) =>
  rows.map((row) => ({ id: row.id, at: row.at, text: rowText(row), isDeleted: row.isDeleted }))

test('rows are cut out of the answer to the letter', () => {
  const rows = [`{"Id":"1", "TotalAmt":1.10,${meta}}`, `{"Id":"2","Note":"a } \\" ]",${meta}}`]
  const body = `{"QueryResponse":{"Invoice":[${rows.join(' , ')}],"startPosition":1,"maxResults":2,"totalCount":2},"time":"2026-05-05T05:16:21.718-07:00"}`
  expect(seen(readQueryRows(answer(body), 'Invoice'))).toEqual([
    { id: '1', at, text: rows[0], isDeleted: false },
    { id: '2', at, text: rows[1], isDeleted: false },
  ])
  expect(answerTime(answer(body))).toBe('2026-05-05T12:16:21.718Z')
})

test('an empty answer has no rows', () => {
  expect(readQueryRows(answer('{"QueryResponse":{},"time":"x"}'), 'Item')).toEqual([])
  expect(answerTime(answer('{"QueryResponse":{},"time":"x"}'))).toBeUndefined()
})

test('an answer with another entity, or rows without Id or time, is no empty answer', () => {
  const of = (row: string): Answer => answer(`{"QueryResponse":{"Item":[${row}]}}`)
  expect(() => readQueryRows(of(`{"Id":"1",${meta}}`), 'Invoice')).toThrow(/answers with Item/)
  expect(() => of(`{${meta}}`)).toThrow(/a row has no Id/)
  expect(() => of('{"Id":"1"}')).toThrow(/Id 1 has no MetaData/)
  expect(() => readQueryRows(answer('{"QueryResponse":{"Item":{}}}'), 'Item')).toThrow(/not a list/)
})

test('changes are told apart by entity, whatever is empty, and deletions are seen', () => {
  const deleted = `{"domain":"QBO","status":"Deleted","Id":"39",${meta}}`
  const changed = `{"Id":"148","TotalAmt":100.00,${meta}}`
  const body =
    `{"CDCResponse":[{"QueryResponse":[{},{"Invoice":[${changed},${deleted}],"startPosition":1,` +
    `"maxResults":2,"totalCount":2},{"Customer":[{"Id":"5",${meta}}],"maxResults":1}]}],"time":"x"}`
  expect(readChangedRows(answer(body), ['Item', 'Invoice', 'Customer']).map(seen)).toEqual([
    [],
    [
      { id: '148', at, text: changed, isDeleted: false },
      { id: '39', at, text: deleted, isDeleted: true },
    ],
    [{ id: '5', at, text: `{"Id":"5",${meta}}`, isDeleted: false }],
  ])
})

test.each([
  ['no part at all', '{"CDCResponse":[]}'],
  ['fewer parts than were asked for', '{"CDCResponse":[{"QueryResponse":[{}]}]}'],
  ['a fault in a part', '{"CDCResponse":[{"QueryResponse":[{"Fault":{"Error":[]}},{}]}]}'],
  ['a fault in place of the parts', '{"CDCResponse":[{"Fault":{"Error":[]}}]}'],
  ['a part of something else', '{"CDCResponse":[{"QueryResponse":[{"Bill":[]},{}]}]}'],
  ['parts that are not listed', '{"CDCResponse":[{"QueryResponse":{"Invoice":[]}}]}'],
])('%s does not pass for "nothing has changed"', (_, body) => {
  expect(() => readChangedRows(answer(body), ['Item', 'Invoice'])).toThrow(/change data capture/)
})
