import { ProtocolError, showValue } from '@singer-io-ts/core'
import { type Instant, parseInstant } from './instant.ts'

/** What the first line of `tap-quickbooks count` says. */
export type Begin = {
  kind: 'rows' | 'windows'
  realmId: string
  streams: string[]
  start: Instant
  windowSeconds: number
  /** The files that the tap was given, for the command that loads again. */
  config: string[]
  catalog: string | undefined
}

/** What the closing line of a stream says. */
export type Summary = {
  stream: string
  /** How many rows were listed or counted. */
  rows: number
  /** So many left the range while they were counted. */
  moved: number
  /** The end of the range that is compared. */
  end: Instant
  /** QuickBooks' time when the count began, less what had not settled then. */
  asOf: Instant
  deletionsFrom: Instant | undefined
}

/** A line of the count, by what it holds. */
export type CountLine =
  | { type: 'begin'; begin: Begin }
  | { type: 'summary'; summary: Summary }
  | { type: 'rows'; stream: string; rows: [id: string, at: Instant, total: string | null][] }
  | { type: 'deleted'; stream: string; rows: [id: string, at: Instant, total: null][] }
  | { type: 'unreadable'; stream: string; from: Instant; to: Instant }
  | { type: 'window'; stream: string; start: Instant; end: Instant; rows: number }

const FROM_TAP = 'verify reads what `tap-quickbooks count --rows` prints'

/** Reads one line; throws ProtocolError where it is none of a count. */
export function readCountLine(text: string, line: number): CountLine {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new ProtocolError(line, `is not whole JSON; ${FROM_TAP}`, {
      hint: 'Where it is the last line, the count broke off: see why tap-quickbooks ended.',
      cause,
    })
  }
  const members = (typeof value === 'object' && value !== null ? value : {}) as Members
  const { type, stream } = members
  const strange = (what: string) =>
    new ProtocolError(line, `${what} (${showValue(value)}); ${FROM_TAP}`)
  const instant = (at: unknown): Instant => {
    const found = parseInstant(at)
    if (found === undefined) throw strange(`${showValue(at)} is not a time`)
    return found
  }
  const count = (rows: unknown): number => {
    if (!Number.isSafeInteger(rows)) throw strange(`${showValue(rows)} is not a number of rows`)
    return Number(rows)
  }
  const row = (entry: unknown): [string, Instant, string | null] => {
    const [id, at, total = null] = Array.isArray(entry) ? entry : []
    if (typeof id !== 'string' || id === '' || id.includes('\0')) throw strange('a row without Id')
    if (total !== null && !(typeof total === 'string' && DECIMAL.test(total)))
      throw strange(`TotalAmt ${showValue(total)} is not a decimal text`)
    return [id, instant(at), total]
  }

  if (type === 'begin') return { type, begin: readBegin(members, instant, strange) }
  if (type === 'summary') {
    const summary = {
      stream: String(stream),
      rows: count(members.rows),
      moved: count(members.moved),
      end: instant(members.end),
      asOf: instant(members.as_of),
      deletionsFrom: parseInstant(members.deletions_from),
    }
    return { type, summary }
  }
  if (typeof type === 'string' && /^[A-Z_]+$/.test(type))
    throw new ProtocolError(line, `is a Singer message (${type}); ${FROM_TAP}, not what it loads`)
  if (typeof stream !== 'string') throw strange('is no line of a count')
  const { rows, deleted, unreadable } = members
  if (Array.isArray(rows)) return { type: 'rows', stream, rows: rows.map(row) }
  if (Array.isArray(deleted)) {
    const gone = deleted.map(row).map(([id, at]): [string, Instant, null] => [id, at, null])
    return { type: 'deleted', stream, rows: gone }
  }
  if (Array.isArray(unreadable)) {
    const [from, to] = unreadable.map(instant)
    if (from !== undefined && to !== undefined) return { type: 'unreadable', stream, from, to }
  }
  const start = instant(members.extract_window_start_utc)
  const end = instant(members.extract_window_end_utc)
  return { type: 'window', stream, start, end, rows: count(rows) }
}

type Members = Record<string, unknown>

const DECIMAL = /^-?\d+(\.\d+)?([eE][+-]?\d{1,3})?$/

function readBegin(
  members: Members,
  instant: (at: unknown) => Instant,
  strange: (what: string) => ProtocolError,
): Begin {
  const { kind, realm_id, streams, window_seconds, config, catalog } = members
  const texts = (list: unknown): string[] => (Array.isArray(list) ? list.map(String) : [])
  if (kind !== 'rows' && kind !== 'windows') throw strange('is a count of another version')
  if (!Number.isSafeInteger(window_seconds) || Number(window_seconds) < 1)
    throw strange('has no length of windows')
  if (texts(streams).length === 0) throw strange('names no stream')
  return {
    kind,
    realmId: String(realm_id),
    streams: texts(streams),
    start: instant(members.start),
    windowSeconds: Number(window_seconds),
    config: texts(config),
    catalog: typeof catalog === 'string' ? catalog : undefined,
  }
}
