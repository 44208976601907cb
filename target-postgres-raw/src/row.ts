import { createHash } from 'node:crypto'
import { objectMembers, ProtocolError, type ReadRecord, withoutMembers } from '@singer-io-ts/core'
import { hasReplaceable, replaceInJson, replaceInText } from './characters.ts'
import { type Instant, parseInstant } from './instant.ts'
import type { Table } from './table.ts'

/** What a record becomes: the columns of its row. `undefined` is null. */
export type Row = {
  table: Table
  stream: string
  /** The input line, for messages; rows of a BATCH file also say where in the file. */
  line: number
  place: string | undefined
  id: string
  /** The id as sent, where characters had to be replaced in it. */
  exactId: string
  payload: string
  payloadSource: string | undefined
  windowStart: Instant | undefined
  windowEnd: Instant | undefined
  pageNumber: string | undefined
  pageSize: string | undefined
  requestPayload: string | undefined
  extractedAt: Instant | undefined
  /** Set: the record says that the row is deleted. */
  deletedAt: Instant | undefined
  version: string | undefined
  /** Members (or `time_extracted`) whose value does not fit their column. */
  unusable: string[]
}

/** A record → its row. Throws ProtocolError when its key is unusable. */
export function makeRow(record: ReadRecord, table: Table, place?: string): Row {
  const { keyProperties, payloadType } = table
  const id = makeId(record, keyProperties, replaceInText)
  const exactId = hasReplaceable(record.text) ? makeId(record, keyProperties) : id
  const cleaned = payloadType === 'jsonb' ? replaceInJson(record.text) : record.text
  const isClean = cleaned === record.text
  const members = isClean ? record.members : objectMembers(cleaned).members
  const row: Row = {
    table,
    stream: record.stream,
    line: record.line,
    place,
    id,
    exactId,
    payload: cleaned,
    payloadSource: isClean ? undefined : record.text,
    windowStart: undefined,
    windowEnd: undefined,
    pageNumber: undefined,
    pageSize: undefined,
    requestPayload: undefined,
    extractedAt: parseInstant(record.timeExtracted),
    deletedAt: undefined,
    version: record.version,
    unusable: [],
  }
  if (Buffer.byteLength(row.id) > MAX_ID_BYTES)
    throw new ProtocolError(
      record.line,
      `the key of a record of stream '${record.stream}' is longer than ${MAX_ID_BYTES} bytes`,
    )
  if (row.extractedAt === undefined && record.timeExtracted != null)
    row.unusable.push('time_extracted')
  const lifted = new Map<string, string>()
  for (const { name, start, end } of members)
    if (name.startsWith('_sdc_') && name in COLUMNS) lifted.set(name, cleaned.slice(start, end))
  if (lifted.size === 0) return row
  for (const [name, json] of lifted) {
    if (json === 'null') continue
    if (setColumn(row, name as keyof typeof COLUMNS, json)) continue
    row.unusable.push(name)
    lifted.delete(name)
  }
  row.payload = withoutMembers(cleaned, members, new Set(lifted.keys()))
  return row
}

/** What a btree index takes, with room for its header. */
const MAX_ID_BYTES = 2600

const COLUMNS = {
  _sdc_extract_window_start_utc: 'windowStart',
  _sdc_extract_window_end_utc: 'windowEnd',
  _sdc_page_number: 'pageNumber',
  _sdc_page_size: 'pageSize',
  _sdc_request_payload: 'requestPayload',
  _sdc_deleted_at: 'deletedAt',
} as const

function setColumn(row: Row, name: keyof typeof COLUMNS, json: string): boolean {
  const column = COLUMNS[name]
  if (column === 'requestPayload') {
    row.requestPayload = keepRequest(replaceInJson(json))
    return true
  }
  const value =
    column === 'pageNumber' || column === 'pageSize' ? parseInteger(json) : parseTime(json)
  if (value !== undefined) row[column] = value
  return value !== undefined
}

let lastRequest = ''

/** The rows of a page share one text; a copy, for a piece would keep its whole line in memory. */
function keepRequest(json: string): string {
  if (json !== lastRequest) lastRequest = copyText(json)
  return lastRequest
}

function copyText(text: string): string {
  return Buffer.from(text).toString()
}

function parseTime(json: string): Instant | undefined {
  return json.startsWith('"') ? parseInstant(JSON.parse(json)) : undefined
}

function parseInteger(json: string): string | undefined {
  return /^-?\d{1,10}$/.test(json) && Math.abs(Number(json)) <= 2147483647 ? json : undefined
}

/**
 * One key: its text. Several: a JSON array's text. None: the hash of the record, so that loading
 * it again changes nothing. Numbers are kept by their digits, for doubles cannot tell all apart.
 */
export function makeId(
  record: Pick<ReadRecord, 'stream' | 'line' | 'text' | 'members'>,
  keyProperties: readonly string[],
  replace: (text: string) => string = (text) => text,
): string {
  const [only] = keyProperties
  if (only === undefined) return createHash('sha256').update(record.text).digest('hex')
  if (keyProperties.length === 1) {
    const value = keyValue(record, only)
    return typeof value === 'string' ? replace(value) : value.digits
  }
  const parts = keyProperties.map((key) => {
    const value = keyValue(record, key)
    return typeof value === 'string' ? JSON.stringify(replace(value)) : value.digits
  })
  return `[${parts.join(',')}]`
}

function keyValue(
  { stream, line, text, members }: Parameters<typeof makeId>[0],
  key: string,
): string | { digits: string } {
  const member = members.findLast(({ name }) => name === key)
  const json = member === undefined ? '' : text.slice(member.start, member.end)
  if (json.startsWith('"')) return JSON.parse(json) as string
  if (/^[-\dtf]/.test(json)) return { digits: copyText(json) }
  const found =
    json === ''
      ? 'lacks it'
      : json === 'null'
        ? 'has null'
        : `has ${json.startsWith('[') ? 'an array' : 'an object'}`
  throw new ProtocolError(line, `a record of stream '${stream}' ${found} as key '${key}'`)
}
