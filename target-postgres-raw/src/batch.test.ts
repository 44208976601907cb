import { expect, test } from 'vitest'
import { addActivation, addRow, addState, cutBefore, emptyBatch, isFull } from './batch.ts'
import type { Row } from './row.ts'
import type { Table } from './table.ts'

const table: Table = {
  stream: 's',
  name: 's',
  qualified: '"raw"."s"',
  number: 1,
  payloadType: 'jsonb',
  keyProperties: ['Id'],
}

let line = 0

function row(id: string, payload: string, more: Partial<Row> = {}): Row {
  line++
  return {
    table,
    stream: table.stream,
    line,
    place: undefined,
    id,
    exactId: id,
    payload,
    payloadSource: undefined,
    windowStart: undefined,
    windowEnd: undefined,
    pageNumber: undefined,
    pageSize: undefined,
    requestPayload: undefined,
    extractedAt: undefined,
    deletedAt: undefined,
    version: undefined,
    unusable: [],
    ...more,
  }
}

test('each row of an id is in a round of its own, in each table', () => {
  const batch = emptyBatch()
  const other = { ...table, name: 't', number: 2 }
  for (const one of [row('1', 'a'), row('2', 'b'), row('1', 'a'), row('1', 'c', { table: other })])
    addRow(batch, one)
  addRow(batch, row('1', 'd', { deletedAt: '2024-01-02T00:00:00.000000Z' }))
  expect(batch.rows.map(({ id, round }) => [id, round])).toEqual([
    ['1', 1],
    ['2', 1],
    ['1', 2],
    ['1', 1],
    ['1', 3],
  ])
  expect(batch.rounds).toBe(3)
})

test('two keys that would be one are bad input', () => {
  const batch = emptyBatch()
  addRow(batch, row('x�', 'a', { exactId: 'x\0' }))
  expect(() => addRow(batch, row('x�', 'b', { exactId: 'x\ud800' }))).toThrow(
    /^line \d+: two keys of stream 's' would be one/,
  )
})

test('a batch ends when one id has come very often', () => {
  const batch = emptyBatch()
  const limits = { rows: 10_000, bytes: 1_000_000 }
  let count = 0
  for (; !isFull(batch, limits); count++) addRow(batch, row('1', `${count}`))
  expect(count).toBe(100)
})

test('a batch ends when it has rows of very many tables', () => {
  const batch = emptyBatch()
  const limits = { rows: 10_000, bytes: 10_000_000 }
  let count = 0
  for (; !isFull(batch, limits); count++)
    addRow(batch, row('1', 'x', { table: { ...table, number: count } }))
  expect(count).toBe(500)
})

test('a batch is full by rows, by bytes, and with an activation', () => {
  const batch = emptyBatch()
  addRow(batch, row('1', 'x'.repeat(1000)))
  expect(isFull(batch, { rows: 2, bytes: 2000 })).toBe(false)
  expect(isFull(batch, { rows: 1, bytes: 2000 })).toBe(true)
  expect(isFull(batch, { rows: 2, bytes: 1000 })).toBe(true)
  addActivation(batch, { line: 2, stream: 's', version: '1', at: undefined })
  expect(isFull(batch, { rows: 2, bytes: 2000 })).toBe(true)
})

test('what came before a line can be cut off', () => {
  const batch = emptyBatch()
  addRow(batch, row('1', 'a', { line: 1 }))
  addState(batch, 2, 'one')
  addRow(batch, row('1', 'b', { line: 3 }))
  addState(batch, 4, 'two')
  const cut = cutBefore(batch, 3)
  expect(cut.rows.map(({ line: at }) => at)).toEqual([1])
  expect([cut.rounds, batch.rounds]).toEqual([1, 2])
  expect(cut.states).toEqual([{ line: 2, text: 'one' }])
})
