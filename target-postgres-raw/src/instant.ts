/**
 * An instant as `2024-03-01T08:00:00.000000Z`: in UTC, with microseconds as Postgres keeps them.
 * Texts of this one width compare as the instants do.
 */
export type Instant = string

/** Reads an RFC 3339 time with any offset; digits beyond microseconds are cut. */
export function parseInstant(value: unknown): Instant | undefined {
  if (typeof value !== 'string') return undefined
  let instant = known.get(value)
  if (instant === undefined) {
    instant = parse(value)
    if (known.size >= MOST_KNOWN) known.clear()
    if (instant !== undefined && value.length < MOST_CHARACTERS) known.set(value, instant)
  }
  return instant
}

// The records of a page share their times.
const known = new Map<string, Instant>()
const MOST_KNOWN = 50
const MOST_CHARACTERS = 40

const RFC_3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):?(\d\d))$/

function parse(text: string): Instant | undefined {
  const match = RFC_3339.exec(text)
  if (match === null) return undefined
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as Fields
  const offsetHours = Number(match[9] ?? 0)
  const offsetMinutes = Number(match[10] ?? 0)
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) return undefined
  if (hour > 23 || minute > 59 || second > 60 || offsetHours > 23 || offsetMinutes > 59)
    return undefined
  const offset = (offsetHours * 60 + offsetMinutes) * (match[8] === '-' ? -1 : 1)
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute - offset, second)
  const utcYear = date.getUTCFullYear()
  if (utcYear < 1 || utcYear > 9999) return undefined
  const micros = (match[7] ?? '').slice(0, 6).padEnd(6, '0')
  return `${date.toISOString().slice(0, 19)}.${micros}Z`
}

type Fields = [number, number, number, number, number, number]

function daysOf(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0
}

/** Whether `a` is earlier than `b`; false where either is not known. */
export function isEarlier(a: Instant | undefined, b: Instant | undefined): boolean {
  return a !== undefined && b !== undefined && a < b
}
