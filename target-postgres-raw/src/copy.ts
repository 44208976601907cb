import type { Row } from './row.ts'
import type { Bytes, Slabs } from './slabs.ts'
import { STAGING_NAME } from './sql.ts'

/** A waiting row: its long texts lie in slabs, ready for COPY. */
export type StagedRow = Omit<Row, 'payload' | 'payloadSource' | 'unusable'> & {
  /** How many rows of its id came up to this one. */
  round: number
  payload: Bytes
  payloadSource: Bytes | undefined
}

/** A row made ready to wait. */
export function stageRow(row: Row, slabs: Slabs, round: number): StagedRow {
  const { payload, payloadSource, unusable: _, ...rest } = row
  return Object.assign(rest, {
    round,
    payload:
      typeof payload === 'string'
        ? slabs.keep(payload, escapeText)
        : slabs.keepBytes(payload.pieces, payload.isEscaped),
    payloadSource: payloadSource === undefined ? undefined : slabs.keep(payloadSource, escapeText),
  })
}

const CHUNK_BYTES = 64 * 1024

/** What stands before and after a row's payload; what follows is the same everywhere. */
export type CopyColumns = {
  before(row: StagedRow): string
  after(row: StagedRow): string
}

/** In the order of the staging table. */
export const TO_STAGING: CopyColumns = {
  before: ({ table, round, id }) =>
    `${table.number}\t${round}\t${escapeText(id)}\t${table.payloadType === 'jsonb' ? '' : '\\N\t'}`,
  after: ({ table }) => (table.payloadType === 'jsonb' ? '\t\\N' : ''),
}

/** In the order of the raw tables, with the time at which the rows are written. */
export function toTable(now: string): CopyColumns {
  return { before: ({ id }) => `${escapeText(id)}\t`, after: () => `\t${now}` }
}

/** Rows → COPY's text format, in pieces of about 64 kB. */
export function* copyChunks(
  rows: Iterable<StagedRow>,
  columns: CopyColumns = TO_STAGING,
): Generator<Buffer, void, void> {
  let chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  let used = 0
  for (const row of rows) {
    for (const piece of copyPieces(row, columns)) {
      const isText = typeof piece === 'string'
      const most = isText ? piece.length * 3 : piece.end - piece.start
      if (used > 0 && used + most > CHUNK_BYTES) {
        yield chunk.subarray(0, used)
        chunk = Buffer.allocUnsafe(CHUNK_BYTES)
        used = 0
      }
      if (most > CHUNK_BYTES) yield* isText ? [Buffer.from(piece)] : cut(piece)
      else if (isText) used += chunk.write(piece, used)
      else used += piece.buffer.copy(chunk, used, piece.start, piece.end)
    }
  }
  if (used > 0) yield chunk.subarray(0, used)
}

/** A long piece in short ones: what the socket cannot send at once waits here, not there. */
function* cut({ buffer, start, end }: Bytes): Generator<Buffer, void, void> {
  for (let from = start; from < end; from += CHUNK_BYTES)
    yield buffer.subarray(from, Math.min(from + CHUNK_BYTES, end))
}

function copyPieces(row: StagedRow, columns: CopyColumns): (string | Bytes)[] {
  const { payload, payloadSource } = row
  const head = columns.before(row)
  const tail = columns.after(row) + copyTail(row)
  if (payloadSource === undefined) return [head, payload, `${tail}\\N\n`]
  return [head, payload, tail, payloadSource, '\n']
}

function copyTail(row: StagedRow): string {
  return (
    `\t${row.windowStart ?? '\\N'}\t${row.windowEnd ?? '\\N'}` +
    `\t${row.pageNumber ?? '\\N'}\t${row.pageSize ?? '\\N'}` +
    `\t${row.requestPayload === undefined ? '\\N' : escapeText(row.requestPayload)}` +
    `\t${row.extractedAt ?? '\\N'}\t${row.deletedAt ?? '\\N'}\t${row.version ?? '\\N'}\t`
  )
}

/** A text as COPY reads it. */
export function escapeText(text: string): string {
  let escaped = text
  if (escaped.includes('\\')) escaped = escaped.replaceAll('\\', '\\\\')
  if (escaped.includes('\t')) escaped = escaped.replaceAll('\t', '\\t')
  if (escaped.includes('\n')) escaped = escaped.replaceAll('\n', '\\n')
  if (escaped.includes('\r')) escaped = escaped.replaceAll('\r', '\\r')
  return escaped
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
