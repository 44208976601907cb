import { NULL_LENGTH, putInteger, putShort, putText, sizeOfText, toMicroseconds } from './binary.ts'
import type { Instant } from './instant.ts'
import type { Row } from './row.ts'
import type { Bytes, Slabs } from './slabs.ts'
import { COLUMNS, STAGING_NAME } from './sql.ts'
import type { Table } from './table.ts'

/** A waiting row: its columns lie in a slab, ready for COPY. */
export type StagedRow = Pick<
  Row,
  'table' | 'stream' | 'line' | 'place' | 'id' | 'exactId' | 'windowStart' | 'windowEnd'
> &
  Bytes & {
    /** How many rows of its id came up to this one. */
    round: number
    /** It says that the row of its id is deleted. */
    isMark: boolean
  }

/** The number of columns, and the first of them with its length. */
const HEAD_BYTES = 2 + 4 + 8

/** Makes a row ready to wait. What its first column holds is told when it is sent. */
export function stageRow(row: Row, slabs: Slabs, round: number): StagedRow {
  const { table, id, payload, payloadSource } = row
  const isBinary = table.payloadType === 'jsonb'
  const idBytes = sizeOfText(id)
  const payloadBytes = sizeOfPayload(payload) + (isBinary ? 1 : 0)
  const sourceBytes = payloadSource === undefined ? 0 : sizeOfText(payloadSource)
  const rest = restOf(row)
  const size = HEAD_BYTES + 4 + idBytes + 4 + payloadBytes + rest.length + 4 + sourceBytes
  const { buffer, start, end } = slabs.take(size)
  let at = putInteger(buffer, start + HEAD_BYTES, idBytes)
  at = putText(buffer, at, id)
  at = putInteger(buffer, at, payloadBytes)
  if (isBinary) buffer[at++] = JSONB_VERSION
  at = putPayload(buffer, at, payload)
  at += rest.copy(buffer, at)
  at = putInteger(buffer, at, payloadSource === undefined ? NULL_LENGTH : sourceBytes)
  if (payloadSource !== undefined) putText(buffer, at, payloadSource)
  return {
    table,
    stream: row.stream,
    line: row.line,
    place: row.place,
    id,
    exactId: row.exactId,
    windowStart: row.windowStart,
    windowEnd: row.windowEnd,
    round,
    isMark: row.deletedAt !== undefined,
    buffer,
    start,
    end,
  }
}

const JSONB_VERSION = 1

function sizeOfPayload(payload: Row['payload']): number {
  if (typeof payload === 'string') return sizeOfText(payload)
  let size = 0
  for (const { start, end } of payload) size += end - start
  return size
}

function putPayload(to: Buffer, start: number, payload: Row['payload']): number {
  if (typeof payload === 'string') return putText(to, start, payload)
  let at = start
  for (const piece of payload) at += piece.buffer.copy(to, at, piece.start, piece.end)
  return at
}

type Rest = Pick<
  Row,
  | 'windowStart'
  | 'windowEnd'
  | 'pageNumber'
  | 'pageSize'
  | 'requestPayload'
  | 'extractedAt'
  | 'deletedAt'
  | 'version'
>

let lastRow: Rest = {
  windowStart: '',
  windowEnd: '',
  pageNumber: '',
  pageSize: '',
  requestPayload: '',
  extractedAt: '',
  deletedAt: '',
  version: '',
}
let lastRest: Buffer = Buffer.alloc(0)

/** The columns between payload and payload_source; the rows of a page have them in common. */
function restOf(row: Row): Buffer {
  const isSame =
    row.extractedAt === lastRow.extractedAt &&
    row.pageNumber === lastRow.pageNumber &&
    row.requestPayload === lastRow.requestPayload &&
    row.windowStart === lastRow.windowStart &&
    row.windowEnd === lastRow.windowEnd &&
    row.pageSize === lastRow.pageSize &&
    row.deletedAt === lastRow.deletedAt &&
    row.version === lastRow.version
  if (isSame) return lastRest
  lastRest = Buffer.concat([
    instantField(row.windowStart),
    instantField(row.windowEnd),
    integerField(row.pageNumber),
    integerField(row.pageSize),
    jsonbField(row.requestPayload),
    instantField(row.extractedAt),
    instantField(row.deletedAt),
    row.version === undefined ? NULL : bigintField(BigInt(row.version)),
  ])
  // Not the row itself, which holds on to its payload.
  const { windowStart, windowEnd, pageNumber, pageSize } = row
  const { requestPayload, extractedAt, deletedAt, version } = row
  lastRow = {
    windowStart,
    windowEnd,
    pageNumber,
    pageSize,
    requestPayload,
    extractedAt,
    deletedAt,
    version,
  }
  return lastRest
}

const NULL: Buffer = Buffer.from([0xff, 0xff, 0xff, 0xff])

function instantField(instant: Instant | undefined): Buffer {
  return instant === undefined ? NULL : bigintField(toMicroseconds(instant))
}

function bigintField(value: bigint): Buffer {
  const field = Buffer.from([0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0])
  field.writeBigInt64BE(value, 4)
  return field
}

function integerField(digits: string | undefined): Buffer {
  if (digits === undefined) return NULL
  const field = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0])
  putInteger(field, 4, Number(digits))
  return field
}

function jsonbField(json: string | undefined): Buffer {
  if (json === undefined) return NULL
  const text = Buffer.from(json)
  const head = Buffer.from([0, 0, 0, 0, JSONB_VERSION])
  putInteger(head, 0, text.length + 1)
  return Buffer.concat([head, text])
}

/** What a row begins with, of `HEAD_BYTES`: the number of columns, and a first one of 64 bits. */
export function headOf(first: bigint): Uint8Array {
  const head = Buffer.alloc(2)
  putShort(head, 0, COLUMNS.length)
  return Buffer.concat([head, bigintField(first)])
}

/** The first column in the staging table: rows of one table and round have the same. */
export function placeOf({ number }: Table, round: number): bigint {
  return (BigInt(number) << 32n) + BigInt(round)
}

const SIGNATURE: Buffer = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
const END: Buffer = NULL.subarray(0, 2)

const CHUNK_BYTES = 64 * 1024
/** Less than this is not worth a message of its own. */
const FEW_BYTES = 8 * 1024

/**
 * Rows → COPY's binary format, in pieces of about 64 kB. `headFor` gives what a row begins with.
 */
export function* copyChunks(
  rows: Iterable<StagedRow>,
  headFor: (row: StagedRow) => Uint8Array,
): Generator<Buffer, void, void> {
  let gathered = Buffer.allocUnsafe(CHUNK_BYTES)
  let used = SIGNATURE.copy(gathered)
  for (const run of runsOf(rows, headFor)) {
    const size = run.end - run.start
    if (used > 0 && (size > FEW_BYTES || used + size > CHUNK_BYTES)) {
      yield gathered.subarray(0, used)
      gathered = Buffer.allocUnsafe(CHUNK_BYTES)
      used = 0
    }
    if (size > FEW_BYTES) yield* cut(run)
    else used += run.buffer.copy(gathered, used, run.start, run.end)
  }
  yield Buffer.concat([gathered.subarray(0, used), END])
}

/** Most rows lie one behind the other, and are sent from where they lie. */
function* runsOf(
  rows: Iterable<StagedRow>,
  headFor: (row: StagedRow) => Uint8Array,
): Generator<Bytes, void, void> {
  let run: Bytes | undefined
  for (const row of rows) {
    const { buffer, start, end } = row
    const head = headFor(row)
    for (let n = 0; n < HEAD_BYTES; n++) buffer[start + n] = head[n] as number
    if (buffer === run?.buffer && start === run.end && end - run.start <= CHUNK_BYTES) {
      run.end = end
      continue
    }
    if (run !== undefined) yield run
    run = { buffer, start, end }
  }
  if (run !== undefined) yield run
}

/** A long row in short pieces: what the socket cannot send at once waits here, not there. */
function* cut({ buffer, start, end }: Bytes): Generator<Buffer, void, void> {
  for (let from = start; from < end; from += CHUNK_BYTES)
    yield buffer.subarray(from, Math.min(from + CHUNK_BYTES, end))
}

/** The row (from 1) that Postgres refused, from the context of its message. */
export function refusedRow(
  where: string | undefined,
  table: string = STAGING_NAME,
): number | undefined {
  const begin = `COPY ${table},`
  const line = (where ?? '').split('\n').find((text) => text.startsWith(begin))
  const match = /^\D*(\d+)/.exec(line?.slice(begin.length) ?? '')
  return match === null ? undefined : Number(match[1])
}
