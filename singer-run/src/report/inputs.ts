import { readFileSync } from 'node:fs'
import { parseTime, type Range } from './time.ts'

/** Rows of a stream's window, in the tables or at the source; those of other taps have no window. */
export type WindowRows = { stream: string; window: Range | undefined; rows: number }

/** A window of a comparison. Counts that were not given are undefined. */
export type Comparison = {
  stream: string
  window: Range
  isEqual: boolean
  sourceRows: number | undefined
  tableRows: number | undefined
  /** What differs, by its name. */
  counts: Record<(typeof DIFFERENCES)[number], number>
  sourceTotal: string | undefined
  tableTotal: string | undefined
  ids: readonly string[]
}

export const DIFFERENCES = ['missing', 'extra', 'deleted', 'stale', 'pending'] as const

type Line = Record<string, unknown>

/** JSON lines as `target-postgres-raw count` prints them. Throws an Error that names the line. */
export function readCounts(text: string): WindowRows[] {
  return readLines(text).map(({ line, number }) => ({
    ...(line.extract_window_start_utc === null
      ? { stream: streamOf(line, number), window: undefined }
      : placeOf(line, number)),
    rows: countOf(line, 'rows', number),
  }))
}

/** JSON lines as `target-postgres-raw verify` prints them. Throws an Error that names the line. */
export function readComparisons(text: string): Comparison[] {
  return readLines(text).map(({ line, number }) => {
    if (typeof line.is_equal !== 'boolean') throw new Error(`line ${number} has no is_equal`)
    const optional = (name: string): number | undefined =>
      typeof line[name] === 'number' ? line[name] : undefined
    const total = (name: string): string | undefined => {
      const value = line[name]
      return typeof value === 'number' || typeof value === 'string' ? String(value) : undefined
    }
    const ids = ['missing_ids', 'extra_ids', 'stale_ids'].flatMap((name) => {
      const found = line[name]
      return Array.isArray(found) ? found.map((id) => `${id} (${name.replace('_ids', '')})`) : []
    })
    return {
      ...placeOf(line, number),
      isEqual: line.is_equal,
      sourceRows: optional('source_rows'),
      tableRows: optional('table_rows'),
      counts: Object.fromEntries(
        DIFFERENCES.map((name) => [name, optional(name) ?? 0]),
      ) as Comparison['counts'],
      sourceTotal: total('source_total'),
      tableTotal: total('table_total'),
      ids,
    }
  })
}

/** The text of a file, or of stdin for `-`. */
export function readInput(path: string): string {
  return readFileSync(path === '-' ? 0 : path, 'utf8')
}

function readLines(text: string): { line: Line; number: number }[] {
  return text.split('\n').flatMap((raw, at) => {
    if (raw.trim() === '') return []
    let line: unknown
    try {
      line = JSON.parse(raw)
    } catch {
      throw new Error(`line ${at + 1} is not JSON`)
    }
    if (typeof line !== 'object' || line === null || Array.isArray(line))
      throw new Error(`line ${at + 1} is not a JSON object`)
    return [{ line: line as Line, number: at + 1 }]
  })
}

function placeOf(line: Line, number: number): { stream: string; window: Range } {
  const start = parseTime(line.extract_window_start_utc)
  const end = parseTime(line.extract_window_end_utc)
  if (start === undefined || end === undefined)
    throw new Error(`line ${number} has no extract_window_start_utc and extract_window_end_utc`)
  return { stream: streamOf(line, number), window: { start, end } }
}

function streamOf({ stream }: Line, number: number): string {
  if (typeof stream === 'string') return stream
  throw new Error(`line ${number} has no stream`)
}

function countOf(line: Line, name: string, number: number): number {
  const value = line[name]
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new Error(`line ${number} has no count of ${name}`)
}
