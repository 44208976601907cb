import { expect, test } from 'vitest'
import {
  addActivation,
  addRow,
  addState,
  cutBefore,
  emptyBatch,
  isFull,
  mergeRows,
} from './batch.ts'
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

const day = (number: number) => `2024-01-0${number}T00:00:00.000000Z`

/** What stays of the rows, and what the merge has settled. */
function merge(rows: Row[]) {
  const batch = emptyBatch()
  for (const one of rows) addRow(batch, one)
  const { rows: kept, settled } = mergeRows(batch.rows)
  const shown = kept.map(({ payload: { buffer, start, end }, deletedAt, version }) =>
    [buffer.toString('utf8', start, end), deletedAt && 'mark', version].filter(Boolean).join(' '),
  )
  return { kept: shown, settled: settled.get('s') }
}

test('the newest of an id wins, of the same instant the later', () => {
  expect(merge([row('1', 'a'), row('2', 'b')])).toEqual({ kept: ['a', 'b'], settled: undefined })
  expect(merge([row('1', 'a'), row('1', 'b')])).toEqual({
    kept: ['b'],
    settled: { updated: 1, unchanged: 0, older: 0, deleted: 0 },
  })
  const times = [row('1', 'new', { extractedAt: day(2) }), row('1', 'old', { extractedAt: day(1) })]
  expect(merge(times)).toEqual({
    kept: ['new'],
    settled: { updated: 0, unchanged: 0, older: 1, deleted: 0 },
  })
  const same = [row('1', 'a', { extractedAt: day(2) }), row('1', 'b', { extractedAt: day(2) })]
  expect(merge(same).kept).toEqual(['b'])
  const unknown = [row('1', 'a', { extractedAt: day(2) }), row('1', 'b')]
  expect(merge(unknown).kept).toEqual(['b'])
})

test('a repeated payload keeps the time at which it was first seen', () => {
  const batch = emptyBatch()
  addRow(batch, row('1', 'a', { extractedAt: day(1) }))
  addRow(batch, row('1', 'a', { extractedAt: day(3), version: '7' }))
  addRow(batch, row('1', 'b', { extractedAt: day(2) }))
  const [kept, ...others] = mergeRows(batch.rows).rows
  expect([kept?.extractedAt, kept?.version, others]).toEqual([day(1), '7', []])
})

test('a mark stands beside the record before it and goes with the record after it', () => {
  const mark = () => row('1', 'gone', { deletedAt: day(2), extractedAt: day(3) })
  expect(merge([row('1', 'a', { extractedAt: day(1) }), mark()]).kept).toEqual(['a', 'gone mark'])
  expect(merge([mark(), row('1', 'b', { extractedAt: day(4) })])).toEqual({
    kept: ['b'],
    settled: { updated: 0, unchanged: 0, older: 0, deleted: 1 },
  })
  expect(merge([mark(), row('1', 'b', { extractedAt: day(1) })])).toEqual({
    kept: ['gone mark'],
    settled: { updated: 0, unchanged: 0, older: 1, deleted: 0 },
  })
})

test('an older record still raises the version of its row', () => {
  const rows = [
    row('1', 'a', { extractedAt: day(2), version: '5' }),
    row('1', 'b', { extractedAt: day(1), version: '10' }),
  ]
  expect(merge(rows).kept).toEqual(['a 10'])
})

test('two keys that would be one are bad input', () => {
  const rows = [row('x�', 'a', { exactId: 'x\0' }), row('x�', 'b', { exactId: 'x\ud800' })]
  expect(() => merge(rows)).toThrow(/^line \d+: two keys of stream 's' would be one/)
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
  expect(cut.states).toEqual([{ line: 2, text: 'one' }])
})
