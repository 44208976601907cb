import { expect, test } from 'vitest'
import { copyChunks, refusedRow, stageRow } from './copy.ts'
import type { Row } from './row.ts'
import { createSlabs } from './slabs.ts'
import type { Table } from './table.ts'

const table: Table = {
  stream: 's',
  name: 's',
  qualified: '"raw"."s"',
  number: 3,
  payloadType: 'jsonb',
  keyProperties: ['Id'],
}

const bare: Row = {
  table,
  stream: 's',
  line: 1,
  place: undefined,
  id: '1',
  exactId: '1',
  payload: '{}',
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
}

function copyText(rows: Row[]): string {
  const slabs = createSlabs()
  return Buffer.concat([...copyChunks(rows.map((row) => stageRow(row, slabs, 1)))]).toString()
}

test('a row is one line of COPY, and nothing in it can end it', () => {
  expect(copyText([bare])).toBe(`3\t1\t1\t{}${'\t\\N'.repeat(10)}\n`)
  const full: Row = {
    ...bare,
    table: { ...table, payloadType: 'json' },
    id: 'a\tb\nc\\',
    payload: '{"x":"\\n\\\\é😀",\t"y":1}\r',
    payloadSource: '{"x":"\\u0000"}',
    windowStart: '2024-01-01T00:00:00.000000Z',
    windowEnd: '2024-01-02T00:00:00.000000Z',
    pageNumber: '1',
    pageSize: '1000',
    requestPayload: '{"q":"\\""}',
    extractedAt: '2024-01-03T00:00:00.000000Z',
    deletedAt: '2024-01-04T00:00:00.000000Z',
    version: '5',
  }
  expect(copyText([full])).toBe(
    [
      '3',
      '1',
      'a\\tb\\nc\\\\',
      '\\N',
      '{"x":"\\\\n\\\\\\\\é😀",\\t"y":1}\\r',
      '2024-01-01T00:00:00.000000Z',
      '2024-01-02T00:00:00.000000Z',
      '1',
      '1000',
      '{"q":"\\\\""}',
      '2024-01-03T00:00:00.000000Z',
      '2024-01-04T00:00:00.000000Z',
      '5',
      '{"x":"\\\\u0000"}\n',
    ].join('\t'),
  )
})

test('rows of any length come out whole, in pieces', () => {
  const lengths = [1, 70_000, 2_000_000, 3, 300_000, 65_536, 100]
  const rows = lengths.map((length, at) => ({ ...bare, id: `${at}`, payload: 'é'.repeat(length) }))
  const slabs = createSlabs()
  const chunks = [...copyChunks(rows.map((row) => stageRow(row, slabs, 1)))]
  expect(Buffer.concat(chunks).toString()).toBe(rows.map((row) => copyText([row])).join(''))
})

test('a long text is escaped as a short one is, whatever stands where it is cut', () => {
  const encode = (text: string) => text.replaceAll('\\', '\\\\')
  for (let shift = 0; shift < 3; shift++) {
    const text = 'x'.repeat(shift) + '😀\\é日'.repeat(100_000)
    const { buffer, start, end } = createSlabs().keep(text, encode)
    expect(buffer.toString('utf8', start, end) === encode(text)).toBe(true)
  }
})

test('memory that was given back is used again', () => {
  const slabs = createSlabs()
  const first = slabs.keep('abc', (text) => text)
  slabs.release()
  const second = createSlabs().keep('xyz', (text) => text)
  expect(second.buffer).toBe(first.buffer)
})

test("the refused row is read from Postgres' context, not from the data in it", () => {
  expect(
    refusedRow(
      'JSON data, line 1: {"singer_staging 9":…\nCOPY singer_staging, line 42, column payload: "x"',
    ),
  ).toBe(42)
  expect(refusedRow('COPY singer_staging, Zeile 7, Spalte payload: »x«')).toBe(7)
  expect(refusedRow('while inserting index tuple')).toBeUndefined()
  expect(refusedRow(undefined)).toBeUndefined()
})
