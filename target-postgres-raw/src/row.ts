import { createHash } from 'node:crypto'
import {
  objectMembers,
  ProtocolError,
  type ReadRecord,
  type RecordBytes,
  withoutMembers,
} from '@singer-io-ts/core'
import { hasReplaceable, replaceInJson, replaceInText } from './characters.ts'
import { type Instant, parseInstant } from './instant.ts'
import { findMember, originMembers, originPlaces, withoutPlaces } from './places.ts'
import type { Bytes } from './slabs.ts'
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
  /** A text, or pieces of the line in which it came. */
  payload: string | Bytes[]
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
  const { bytes } = record
  const isPlain = bytes !== undefined && !(bytes.isSuspect || bytes.hasEscapedName)
  return isPlain ? plainRow(record, bytes, table, place) : anyRow(record, table, place)
}

/** The row of a record that can be stored as it came, byte by byte. */
function plainRow(record: ReadRecord, bytes: RecordBytes, table: Table, place?: string): Row {
  const { keyProperties } = table
  const id =
    keyProperties.length === 0
      ? hash(bytes.buffer.subarray(bytes.start, bytes.end))
      : joinKey(record, keyProperties, (key) => findMember(bytes, key))
  const row = emptyRow(record, table, place, id, id)
  const found = originPlaces(bytes)
  row.payload = withoutPlaces(bytes, found && setOrigin(row, originAt(bytes, found)))
  return row
}

/** The row of a record in which there may be what Postgres cannot store. */
function anyRow(record: ReadRecord, table: Table, place?: string): Row {
  const { keyProperties, payloadType } = table
  const { text, members: sent } = record
  const parts = { stream: record.stream, line: record.line, text, members: sent }
  const id = makeId(parts, keyProperties, replaceInText)
  const exactId = hasReplaceable(text) ? makeId(parts, keyProperties) : id
  const cleaned = payloadType === 'jsonb' ? replaceInJson(text) : text
  const isClean = cleaned === text
  const members = isClean ? sent : objectMembers(cleaned).members
  const row = emptyRow(record, table, place, id, exactId)
  row.payload = cleaned
  row.payloadSource = isClean ? undefined : text
  const lifted = new Map<string, string>()
  for (const { name, start, end } of members)
    if (isColumn(name)) lifted.set(name, cleaned.slice(start, end))
  if (lifted.size > 0)
    row.payload = withoutMembers(cleaned, members, setOrigin(row, readOrigin(lifted)))
  return row
}

function emptyRow(
  record: ReadRecord,
  table: Table,
  place: string | undefined,
  id: string,
  exactId: string,
): Row {
  const row: Row = {
    table,
    stream: record.stream,
    line: record.line,
    place,
    id,
    exactId,
    payload: '',
    payloadSource: undefined,
    ...NO_COLUMNS,
    extractedAt: parseInstant(record.timeExtracted),
    version: record.version,
    unusable: [],
  }
  if (id.length > MAX_ID_BYTES / 3 && Buffer.byteLength(id) > MAX_ID_BYTES)
    throw new ProtocolError(
      record.line,
      `the key of a record of stream '${record.stream}' is longer than ${MAX_ID_BYTES} bytes`,
    )
  if (row.extractedAt === undefined && record.timeExtracted != null)
    row.unusable.push('time_extracted')
  return row
}

/** What the members say that have a column of their own. */
type Origin = {
  columns: Pick<Row, (typeof COLUMNS)[keyof typeof COLUMNS]>
  /** Those that are in their column, and in the payload no more. */
  names: Set<string>
  unusable: string[]
}

/** Gives the names of the members that the payload goes without. */
function setOrigin(row: Row, { columns, names, unusable }: Origin): Set<string> {
  row.windowStart = columns.windowStart
  row.windowEnd = columns.windowEnd
  row.pageNumber = columns.pageNumber
  row.pageSize = columns.pageSize
  row.requestPayload = columns.requestPayload
  row.deletedAt = columns.deletedAt
  row.unusable.push(...unusable)
  return names
}

let last: { bytes: Buffer; origin: Origin } | undefined
/** Longer ones are no one's that come often. */
const MOST_ORIGIN_BYTES = 4096

/** The rows of a page have the same origin. */
function originAt(bytes: RecordBytes, { buffer, start, end }: Bytes): Origin {
  if (last?.bytes.compare(buffer, start, end) === 0) return last.origin
  const origin = readOrigin(originMembers(bytes, isColumn))
  if (end - start <= MOST_ORIGIN_BYTES)
    last = { bytes: Buffer.from(buffer.subarray(start, end)), origin }
  return origin
}

function readOrigin(members: ReadonlyMap<string, string>): Origin {
  const origin: Origin = { columns: { ...NO_COLUMNS }, names: new Set(), unusable: [] }
  for (const [name, json] of members) {
    const isGood = json === 'null' || setColumn(origin.columns, name as keyof typeof COLUMNS, json)
    if (isGood) origin.names.add(name)
    else origin.unusable.push(name)
  }
  return origin
}

function isColumn(name: string): boolean {
  return name.startsWith('_sdc_') && name in COLUMNS
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

const NO_COLUMNS: Origin['columns'] = {
  windowStart: undefined,
  windowEnd: undefined,
  pageNumber: undefined,
  pageSize: undefined,
  requestPayload: undefined,
  deletedAt: undefined,
}

function setColumn(columns: Origin['columns'], name: keyof typeof COLUMNS, json: string): boolean {
  const column = COLUMNS[name]
  if (column === 'requestPayload') {
    columns.requestPayload = copyText(replaceInJson(json))
    return true
  }
  const value =
    column === 'pageNumber' || column === 'pageSize' ? parseInteger(json) : parseTime(json)
  if (value !== undefined) columns[column] = value
  return value !== undefined
}

/** A piece would keep its whole line in memory. */
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
  replace?: (text: string) => string,
): string {
  const { text, members } = record
  if (keyProperties.length === 0) return hash(text)
  const find = (key: string): string | undefined => {
    const member = members.findLast(({ name }) => name === key)
    return member && copyText(text.slice(member.start, member.end))
  }
  return joinKey(record, keyProperties, find, replace)
}

function hash(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

type Place = Pick<ReadRecord, 'stream' | 'line'>

function joinKey(
  place: Place,
  keyProperties: readonly string[],
  find: (key: string) => string | undefined,
  replace: (text: string) => string = (text) => text,
): string {
  const [only] = keyProperties
  if (keyProperties.length === 1 && only !== undefined) {
    const value = keyValue(place, only, find(only))
    return typeof value === 'string' ? replace(value) : value.digits
  }
  const parts = keyProperties.map((key) => {
    const value = keyValue(place, key, find(key))
    return typeof value === 'string' ? JSON.stringify(replace(value)) : value.digits
  })
  return `[${parts.join(',')}]`
}

function keyValue(
  { stream, line }: Place,
  key: string,
  json: string = '',
): string | { digits: string } {
  if (json.startsWith('"'))
    return json.includes('\\') ? (JSON.parse(json) as string) : json.slice(1, -1)
  if (/^[-\dtf]/.test(json)) return { digits: json }
  const found =
    json === ''
      ? 'lacks it'
      : json === 'null'
        ? 'has null'
        : `has ${json.startsWith('[') ? 'an array' : 'an object'}`
  throw new ProtocolError(line, `a record of stream '${stream}' ${found} as key '${key}'`)
}
