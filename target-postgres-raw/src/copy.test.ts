import { expect, test } from 'vitest'
import { copyChunks, headOf, refusedRow, type StagedRow, stageRow } from './copy.ts'
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

/** As COPY sends it, with the fields of each row. */
function copyBytes(staged: StagedRow[], first = 7n): Buffer {
  const head = headOf(first)
  return Buffer.concat([...copyChunks(staged, () => head)])
}

function fieldsOf(bytes: Buffer): (Buffer | null)[][] {
  expect(bytes.subarray(0, 11).toString('latin1')).toBe('PGCOPY\n\xff\r\n\0')
  expect(bytes.readBigInt64BE(11)).toBe(0n)
  const rows: (Buffer | null)[][] = []
  let at = 19
  for (;;) {
    const count = bytes.readInt16BE(at)
    at += 2
    if (count === -1) break
    const fields: (Buffer | null)[] = []
    for (let n = 0; n < count; n++) {
      const length = bytes.readInt32BE(at)
      at += 4
      fields.push(length === -1 ? null : bytes.subarray(at, at + length))
      at += Math.max(0, length)
    }
    rows.push(fields)
  }
  expect(at).toBe(bytes.length)
  return rows
}

const stage = (row: Row) => stageRow(row, createSlabs(), 1)
const number = (value: bigint) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}
const DAY = 86_400_000_000n

test('a row is a row of COPY in its binary format', () => {
  const nulls = Array(8).fill(null)
  expect(fieldsOf(copyBytes([stage(bare)]))).toEqual([
    [number(7n), Buffer.from('1'), Buffer.from('\x01{}'), ...nulls, null],
  ])
  const full: Row = {
    ...bare,
    table: { ...table, payloadType: 'json' },
    id: 'é\tb\nc\\',
    payload: '{"x":"\\n\\\\é😀",\t"y":1}\r',
    payloadSource: '{"x":"\\u0000"}',
    windowStart: '2000-01-01T00:00:00.000001Z',
    windowEnd: '1999-12-31T00:00:00.000000Z',
    pageNumber: '-1',
    pageSize: '2147483647',
    requestPayload: '{"q":"\\"é"}',
    extractedAt: '0001-01-01T00:00:00.999999Z',
    deletedAt: '9999-12-31T23:59:59.999999Z',
    version: '-9223372036854775808',
  }
  expect(fieldsOf(copyBytes([stage(full), stage(bare)], -(2n ** 63n)))[0]).toEqual([
    number(-(2n ** 63n)),
    Buffer.from('é\tb\nc\\'),
    Buffer.from('{"x":"\\n\\\\é😀",\t"y":1}\r'),
    number(1n),
    number(-DAY),
    Buffer.from([255, 255, 255, 255]),
    Buffer.from([127, 255, 255, 255]),
    Buffer.from('\x01{"q":"\\"é"}'),
    number(-730_119n * DAY + 999_999n),
    number(2_921_940n * DAY - 1n),
    number(-(2n ** 63n)),
    Buffer.from('{"x":"\\u0000"}'),
  ])
})

test.each(['windowStart', 'windowEnd', 'extractedAt', 'deletedAt'] as const)(
  'rows that differ in %s alone are not taken for the same',
  (column) => {
    const days = ['2000-01-02', '2000-01-03', '2000-01-02']
    const rows = days.map((day) => stage({ ...bare, [column]: `${day}T00:00:00.000000Z` }))
    const found = fieldsOf(copyBytes(rows)).map((fields) => fields.find((f, n) => n > 2 && f))
    expect(found).toEqual([number(DAY), number(2n * DAY), number(DAY)])
  },
)

test.each(['pageNumber', 'pageSize', 'version'] as const)(
  'rows that differ in %s alone are not taken for the same',
  (column) => {
    const rows = ['4', '5', '4'].map((digit) => stage({ ...bare, [column]: digit }))
    const found = fieldsOf(copyBytes(rows)).map((fields) =>
      fields.find((f, n) => n > 2 && f)?.at(-1),
    )
    expect(found).toEqual([4, 5, 4])
  },
)

test('rows that differ in requestPayload alone are not taken for the same', () => {
  const rows = ['{"q":4}', '{"q":5}', '{"q":4}', undefined].map((requestPayload) =>
    stage({ ...bare, requestPayload }),
  )
  const found = fieldsOf(copyBytes(rows)).map((fields) => fields[7]?.toString())
  expect(found).toEqual(['\x01{"q":4}', '\x01{"q":5}', '\x01{"q":4}', undefined])
})

test('rows of any length come out whole, in pieces, wherever they lie', () => {
  const lengths = [1, 70_000, 2_000_000, 3, 300_000, 65_536, 100, 5000, 9000, 2, 2, 50_000]
  const rows = lengths.map((length, at) => ({ ...bare, id: `${at}`, payload: 'é'.repeat(length) }))
  const textsOf = (staged: StagedRow[]) =>
    fieldsOf(copyBytes(staged)).map((fields) => fields.map((field) => field?.toString('latin1')))
  const expected = rows.map((row) => textsOf([stage(row)])[0])
  const slabs = createSlabs()
  const staged = rows.map((row) => stageRow(row, slabs, 1))
  expect(textsOf(staged)).toEqual(expected)
  const mixed = [...staged.filter((_, n) => n % 2 === 1), ...staged.filter((_, n) => n % 2 === 0)]
  expect(textsOf(mixed).map((fields) => fields[1])).toEqual(mixed.map(({ id }) => id))
})

test('rows that lie one behind the other are sent from there', () => {
  const slabs = createSlabs()
  const staged = Array.from({ length: 100 }, () =>
    stageRow({ ...bare, payload: 'x'.repeat(2000) }, slabs, 1),
  )
  const head = headOf(1n)
  const memory = staged[0]?.buffer.buffer
  const chunks = [...copyChunks(staged, () => head)]
  expect(chunks.filter(({ buffer }) => buffer === memory).length).toBeGreaterThan(2)
  expect(chunks.length).toBeLessThan(10)
})

test('memory that was given back is used again', () => {
  const slabs = createSlabs()
  const first = slabs.take(3)
  slabs.release()
  const second = createSlabs().take(3)
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
