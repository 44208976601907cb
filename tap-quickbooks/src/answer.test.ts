import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readAnswer, rowText } from './answer.ts'

const row = (id: string, more = ''): string =>
  `{"Id":"${id}","MetaData":{"LastUpdatedTime":"2026-05-05T05:16:21-07:00"}${more}}`

test('an answer cut at any byte is no answer', () => {
  const rows = [row('1', ',"Note":"ü } ] \\" \\\\","Line":[[{}],[]]'), row('2')]
  const body = Buffer.from(
    `{"QueryResponse": {"Invoice" :[${rows.join(' ,\n')}],"maxResults":2},"time":"x"}`,
  )
  expect(readAnswer(body).lists[0]?.map(rowText)).toEqual(rows)
  for (let end = 0; end < body.length; end++)
    expect(() => readAnswer(body.subarray(0, end))).toThrow(SyntaxError)
})

test('what is not JSON is refused, wherever the fault lies', () => {
  for (const body of [
    '',
    'x',
    '<html>',
    '[]',
    'null',
    '{"QueryResponse":{"Item":[}]}}',
    `{"QueryResponse":{"Item":[${row('1')} ${row('2')}]}}`,
    `{"QueryResponse":{"Item":[${row('1').replace(':', ';')}]}}`,
    `{"QueryResponse":{"Item":[${row('1')},]}}`,
    '{"QueryResponse":{}}{}',
    '{"QueryResponse":{"maxResults":01}}',
    '{"QueryResponse":{"Item":[]}',
  ])
    expect(() => readAnswer(Buffer.from(body))).toThrow(SyntaxError)
})

test('the envelope holds everything but the rows', () => {
  const fault = '{"Fault":{"Error":[{"Message":"m","code":"4001"}],"type":"ValidationFault"}}'
  expect(readAnswer(Buffer.from(fault))).toEqual({ json: JSON.parse(fault), lists: [] })
  const gateway = '{"queryResponse":null,"fault":{"error":[]},"time":1601391072830}'
  expect(readAnswer(Buffer.from(gateway)).json).toEqual(JSON.parse(gateway))
  expect(readAnswer(Buffer.from('{"QueryResponse":null}')).json).toEqual({ QueryResponse: null })
})

test('any JSON that QuickBooks could send is read as JSON.parse reads it', () => {
  const space = fc.constantFrom('', ' ', '\n', '\t\r')
  fc.assert(
    fc.property(fc.array(fc.dictionary(fc.string(), fc.jsonValue())), space, (objects, gap) => {
      const rows = objects.map((members, index) =>
        JSON.stringify(
          {
            ...members,
            Id: String(index),
            MetaData: { LastUpdatedTime: '2026-01-01T00:00:00Z' },
            status: 1,
          },
          null,
          gap.length,
        ),
      )
      const body = `${gap}{${gap}"QueryResponse"${gap}:{"Item":[${gap}${rows.join(`${gap},`)}${gap}]${gap}}}${gap}`
      const { lists } = readAnswer(Buffer.from(body))
      expect(lists[0]?.map(rowText)).toEqual(rows)
    }),
  )
})
