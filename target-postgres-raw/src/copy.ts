import type { Row } from './row.ts'
import type { Table } from './table.ts'

/** A row on its way to the staging table. */
export type StagedRow = Row & { table: Table }

const CHUNK_CHARACTERS = 64 * 1024

/** Rows → COPY's text format, in pieces of about 64 kB. */
export function* copyChunks(rows: Iterable<StagedRow>): Generator<Buffer, void, void> {
  let parts: string[] = []
  let characters = 0
  for (const row of rows) {
    const line = copyLine(row)
    parts.push(line)
    characters += line.length
    if (characters >= CHUNK_CHARACTERS) {
      yield Buffer.from(parts.join(''))
      parts = []
      characters = 0
    }
  }
  if (parts.length > 0) yield Buffer.from(parts.join(''))
}

/** One row as a line of COPY; the order is that of STAGING_COLUMNS. */
export function copyLine(row: StagedRow): string {
  const payload = escapeText(row.payload)
  const payloads = row.table.payloadType === 'jsonb' ? `${payload}\t\\N` : `\\N\t${payload}`
  return (
    `${row.table.number}\t${escapeText(row.id)}\t${payloads}` +
    `\t${row.windowStart ?? '\\N'}\t${row.windowEnd ?? '\\N'}` +
    `\t${row.pageNumber ?? '\\N'}\t${row.pageSize ?? '\\N'}` +
    `\t${row.requestPayload === undefined ? '\\N' : escapeText(row.requestPayload)}` +
    `\t${row.extractedAt ?? '\\N'}\t${row.deletedAt ?? '\\N'}\t${row.version ?? '\\N'}` +
    `\t${row.payloadSource === undefined ? '\\N' : escapeText(row.payloadSource)}\n`
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
