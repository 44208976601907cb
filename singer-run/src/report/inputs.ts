import { readFileSync } from 'node:fs'
import { parseTime, type Range } from './time.ts'

/** Rows of a stream's window, in the tables or at the source; those of other taps have no window. */
export type WindowRows = { stream: string; window: Range | undefined; rows: number }

export type Line = Record<string, unknown>

/** A line and its number, from 1. */
export type ReadLine = { line: Line; number: number }

/** JSON lines as `target-postgres-raw count` prints them. Throws an Error that names the line. */
export function readCounts(text: string): WindowRows[] {
  return readLines(text).map(({ line, number }) => ({
    ...(line.extract_window_start_utc === null
      ? { stream: streamOf(line, number), window: undefined }
      : placeOf(line, number)),
    rows: countOf(line, 'rows', number),
  }))
}

/** The text of a file, or of stdin for `-`. */
export function readInput(path: string): string {
  return readFileSync(path === '-' ? 0 : path, 'utf8')
}

export function readLines(text: string): ReadLine[] {
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

export function placeOf(line: Line, number: number): { stream: string; window: Range } {
  const start = parseTime(line.extract_window_start_utc)
  const end = parseTime(line.extract_window_end_utc)
  if (start === undefined || end === undefined)
    throw new Error(`line ${number} has no extract_window_start_utc and extract_window_end_utc`)
  return { stream: streamOf(line, number), window: { start, end } }
}

export function streamOf({ stream }: Line, number: number): string {
  if (typeof stream === 'string') return stream
  throw new Error(`line ${number} has no stream`)
}

export function countOf(line: Line, name: string, number: number): number {
  const value = line[name]
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new Error(`line ${number} has no count of ${name}`)
}

/** A list's members as texts; none where it is no list. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}
