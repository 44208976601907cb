import type { Row } from './row.ts'
import type { Bytes, Slabs } from './slabs.ts'

/** A waiting row: its long texts lie in slabs, ready for COPY. */
export type StagedRow = Omit<Row, 'payload' | 'payloadSource' | 'unusable'> & {
  payload: Bytes
  payloadSource: Bytes | undefined
}

/** A row made ready to wait. */
export function stageRow(row: Row, slabs: Slabs): StagedRow {
  const { payload, payloadSource, unusable: _, ...rest } = row
  return Object.assign(rest, {
    payload: slabs.keep(escapeText(payload)),
    payloadSource: payloadSource === undefined ? undefined : slabs.keep(escapeText(payloadSource)),
  })
}

const CHUNK_BYTES = 64 * 1024

/** Rows → COPY's text format, in pieces of about 64 kB; columns in the staging table's order. */
export function* copyChunks(rows: Iterable<StagedRow>): Generator<Buffer, void, void> {
  let chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  let used = 0
  for (const row of rows) {
    const head = copyHead(row)
    const tail = copyTail(row)
    const { payload, payloadSource } = row
    const most =
      (head.length + tail.length) * 3 +
      (payload.end - payload.start) +
      (payloadSource === undefined ? 0 : payloadSource.end - payloadSource.start) +
      8
    if (used + most > chunk.length) {
      if (used > 0) yield chunk.subarray(0, used)
      chunk = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, most))
      used = 0
    }
    used += chunk.write(head, used)
    used += payload.buffer.copy(chunk, used, payload.start, payload.end)
    used += chunk.write(tail, used)
    if (payloadSource === undefined) used += chunk.write('\\N\n', used, 'latin1')
    else {
      used += payloadSource.buffer.copy(chunk, used, payloadSource.start, payloadSource.end)
      used += chunk.write('\n', used, 'latin1')
    }
  }
  if (used > 0) yield chunk.subarray(0, used)
}

function copyHead(row: StagedRow): string {
  const column = row.table.payloadType === 'jsonb' ? '' : '\\N\t'
  return `${row.table.number}\t${escapeText(row.id)}\t${column}`
}

function copyTail(row: StagedRow): string {
  const column = row.table.payloadType === 'jsonb' ? '\t\\N' : ''
  return (
    `${column}\t${row.windowStart ?? '\\N'}\t${row.windowEnd ?? '\\N'}` +
    `\t${row.pageNumber ?? '\\N'}\t${row.pageSize ?? '\\N'}` +
    `\t${row.requestPayload === undefined ? '\\N' : escapeText(row.requestPayload)}` +
    `\t${row.extractedAt ?? '\\N'}\t${row.deletedAt ?? '\\N'}\t${row.version ?? '\\N'}\t`
  )
}

function escapeText(text: string): string {
  let escaped = text
  if (escaped.includes('\\')) escaped = escaped.replaceAll('\\', '\\\\')
  if (escaped.includes('\t')) escaped = escaped.replaceAll('\t', '\\t')
  if (escaped.includes('\n')) escaped = escaped.replaceAll('\n', '\\n')
  if (escaped.includes('\r')) escaped = escaped.replaceAll('\r', '\\r')
  return escaped
}

/** The row (from 1) that Postgres refused, from the context of its message. */
export function refusedRow(where: string | undefined): number | undefined {
  const match = /^COPY singer_staging\D+(\d+)/m.exec(where ?? '')
  return match === null ? undefined : Number(match[1])
}
