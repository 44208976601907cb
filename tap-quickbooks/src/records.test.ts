import { expect, test } from 'vitest'
import { dropTexts, type Row, readAnswer } from './answer.ts'
import { discover } from './discover.ts'
import { createRecordFormat, type Origin } from './records.ts'
import { STREAMS } from './streams.ts'

const entry = discover().streams[0]
const stream = STREAMS[0]
if (entry === undefined || stream === undefined) throw new Error('no stream')
const formatOf = (catalogEntry = entry) => createRecordFormat(stream, catalogEntry, new Map())

const at = Date.UTC(2024, 0, 15) / 1000
const origin: Origin = {
  window: { start: Date.UTC(2024, 0, 1) / 1000, end: Date.UTC(2024, 1, 1) / 1000 },
  pageNumber: 3,
  pageSize: 1000,
  path: '/v3/company/1/query',
  query: "select * from Invoice where DocNumber = 'a\"b'",
  time: '2024-02-02T00:00:00.000Z',
}
const sdc =
  '"_sdc_extract_window_start_utc":"2024-01-01T00:00:00Z",' +
  '"_sdc_extract_window_end_utc":"2024-02-01T00:00:00Z",' +
  '"_sdc_page_number":3,"_sdc_page_size":1000,' +
  '"_sdc_request_payload":{"method":"GET","path":"/v3/company/1/query",' +
  '"query":"select * from Invoice where DocNumber = \'a\\"b\'"}'

const rowOf = (text: string, isDeleted = false): Row => {
  const source = Buffer.from(text)
  const members = Object.keys(JSON.parse(text))
  return { id: '1', at, source, start: 0, end: source.length, members, isDeleted }
}

test('a record is the row to the letter, with its origin added', () => {
  const row = rowOf('{"Id":"1","TotalAmt":1.10,"New":12345678901234567890.12}')
  expect(formatOf()(row, origin, undefined)).toBe(
    `{"type":"RECORD","stream":"invoices","record":{"Id":"1","TotalAmt":1.10,` +
      `"New":12345678901234567890.12,${sdc}},"time_extracted":"2024-02-02T00:00:00.000Z"}`,
  )
})

test('a deleted object says when it went, and a record of a reload its version', () => {
  const row = rowOf('{"Id":"1","status":"Deleted"}', true)
  expect(formatOf()(row, origin, 7)).toBe(
    `{"type":"RECORD","stream":"invoices","record":{"Id":"1","status":"Deleted",` +
      `"_sdc_deleted_at":"2024-01-15T00:00:00Z",${sdc}},"version":7,` +
      `"time_extracted":"2024-02-02T00:00:00.000Z"}`,
  )
})

test('the version is that of the row, also among rows of one answer', () => {
  const row = { ...rowOf('{"Id":"1"}'), isOneLine: true }
  const format = formatOf()
  const found = [7, undefined, 8].map((version) => {
    const pieces = format(row, origin, version)
    if (typeof pieces === 'string') throw new Error('not as bytes')
    return JSON.parse(Buffer.concat(pieces).toString()).version
  })
  expect(found).toEqual([7, undefined, 8])
})

test('a property that is not selected is left out, all else stays as it was', () => {
  const metadata = entry.metadata.map((one) =>
    one.breadcrumb[1] === 'TotalAmt' ? { ...one, metadata: { selected: false } } : one,
  )
  const row = rowOf('{"Id":"1","TotalAmt":1.10,"Balance": 0.50}')
  const line = formatOf({ ...entry, metadata })(row, origin, undefined)
  expect(line).toContain('"record":{"Id":"1","Balance": 0.50,"_sdc_')
})

test('members that the schema does not name are counted', () => {
  const strange = new Map<string, number>()
  const format = createRecordFormat(stream, entry, strange)
  for (const text of ['{"Id":"1","New":1,"toString":2}', '{"Id":"1","New":null}', '{"Id":"1"}'])
    format(rowOf(text), origin, undefined)
  expect([...strange]).toEqual([
    ['New', 2],
    ['toString', 1],
  ])
})

test('a row that is passed on as bytes is the same line as one that is passed on as text', () => {
  const texts = [
    '{"Id":"1","MetaData":{"LastUpdatedTime":"2024-01-15T00:00:00Z"},"Name":"é \\" 😀","New":1.10}',
    '{ "Id" : "2" , "status":"Deleted", "MetaData":{"LastUpdatedTime":"2024-01-15T00:00:00Z"} }',
    '{"Id":"3",\n"MetaData":{\r\n"LastUpdatedTime":"2024-01-15T00:00:00Z"}}',
    '{"I\\u0064":"4","MetaData":{"LastUpdatedTime":"2024-01-15T00:00:00Z"}}',
    '{"Id":"5","Id":"6","MetaData":{"LastUpdatedTime":"2024-01-15T00:00:00Z"}}',
  ]
  const body = `{"QueryResponse":{"Invoice":[${texts.join(',')}]}}`
  const rows = readAnswer(Buffer.from(body)).lists[0] ?? []
  expect(rows.map((row) => [row.id, row.isOneLine ?? false])).toEqual([
    ['1', true],
    ['2', true],
    ['3', false],
    ['4', false],
    ['6', true],
  ])
  for (const [n, row] of rows.entries()) {
    const line = formatOf()(row, origin, 7)
    const whole =
      typeof line === 'string'
        ? line
        : Buffer.concat(line.map((one) => Buffer.from(one))).toString()
    const { isDeleted, members } = rowOf(texts[n] ?? '', n === 1)
    expect(row).toMatchObject({ isDeleted, at })
    expect(new Set(row.members)).toEqual(new Set(members))
    expect(whole).toBe(formatOf()({ ...row, isOneLine: false }, origin, 7))
  }
})

test('no line goes out for a row whose answer is gone', () => {
  const row = rowOf('{"Id":"1"}')
  dropTexts([row])
  expect(() => formatOf()(row, origin, undefined)).toThrow('the answer with row 1 is gone')
})
