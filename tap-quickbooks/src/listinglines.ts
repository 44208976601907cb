import { lastMember, objectMembers } from '@singer-io-ts/core'
import { type Row, rowText } from './answer.ts'
import type { Config } from './config.ts'
import { formatInstant } from './instant.ts'
import type { Range } from './windows.ts'

/** The files that the program was given, for whoever writes the command that loads again. */
export type Given = {
  config: readonly string[]
  catalog: string | undefined
  state: string | undefined
}

/** What the closing line of a stream says. Instants are epoch seconds. */
export type Listed = {
  /** The end of the range that is compared. */
  end: number
  /** How many rows were listed, those that changed after the end included. */
  rows: number
  asOf: number
  /** So many rows left the range while it was counted. */
  moved: number
  /** From here on deletions are known; undefined where they are not. */
  deletionsFrom?: number | undefined
}

/** The first line: which streams follow, and on which grid of windows. */
export function lineOfBegin(
  kind: 'rows' | 'windows',
  streams: readonly string[],
  config: Config,
  windowSeconds: number,
  given: Given,
): string {
  return JSON.stringify({
    type: 'begin',
    kind,
    realm_id: config.realmId,
    streams,
    start: formatInstant(config.startDate),
    window_seconds: windowSeconds,
    config: given.config,
    ...(given.catalog !== undefined && { catalog: given.catalog }),
  })
}

/** Rows as `[Id, LastUpdatedTime, TotalAmt]`, the amount as text with all its digits, or null. */
export function lineOfRows(stream: string, rows: readonly Row[], hasTotal: boolean): string {
  const listed = rows.map((row) => [row.id, formatInstant(row.at), hasTotal ? totalOf(row) : null])
  return JSON.stringify({ stream, rows: listed })
}

/** Deleted objects as `[Id, time of deletion]`. */
export function lineOfDeletions(stream: string, rows: readonly Row[]): string {
  return JSON.stringify({ stream, deleted: rows.map((row) => [row.id, formatInstant(row.at)]) })
}

/** A stretch in which a row lies that cannot be read. */
export function lineOfStretch(stream: string, { start, end }: Range): string {
  return JSON.stringify({ stream, unreadable: [formatInstant(start), formatInstant(end)] })
}

/** How many rows changed last within a window. */
export function lineOfWindow(stream: string, window: Range, rows: number): string {
  return JSON.stringify({
    stream,
    extract_window_start_utc: formatInstant(window.start),
    extract_window_end_utc: formatInstant(window.end),
    rows,
  })
}

/** The closing line of a stream: what came before it is all of it. */
export function lineOfEnd(stream: string, listed: Listed): string {
  const { end, rows, asOf, moved, deletionsFrom } = listed
  return JSON.stringify({
    type: 'summary',
    stream,
    rows,
    moved,
    end: formatInstant(end),
    as_of: formatInstant(asOf),
    deletions_from: deletionsFrom === undefined ? null : formatInstant(deletionsFrom),
  })
}

const DECIMAL = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/

function totalOf(row: Row): string | null {
  if (!row.members.includes('TotalAmt')) return null
  const text = rowText(row)
  const member = lastMember(objectMembers(text).members, 'TotalAmt')
  const total = member === undefined ? '' : text.slice(member.start, member.end)
  return DECIMAL.test(total) ? total : null
}
