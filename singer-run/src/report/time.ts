export const DAY_MS = 86_400_000

/** Epoch milliseconds of a date or date-time; UTC where it says no zone. Undefined if it is none. */
export function parseTime(value: unknown): number | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d{2}-\d{2}([T ][\d:.]+.*)?$/.test(value))
    return undefined
  const text = value.replace(' ', 'T')
  const hasZone = /(Z|[+-]\d{2}:?\d{2})$/i.test(text.slice(10))
  const at = Date.parse(hasZone || text.length === 10 ? text : `${text}Z`)
  return Number.isNaN(at) ? undefined : at
}

/** `2026-11-21 10:00 UTC`, to the second (rounded down) where the minute does not say it all. */
export function formatTime(at: number): string {
  const text = new Date(at).toISOString()
  return `${text.slice(0, 10)} ${text.slice(11, Math.floor(at / 1000) % 60 === 0 ? 16 : 19)} UTC`
}

/** `2026-11-21 10:00 UTC`, the minute before or at that instant. */
export function formatMinute(at: number): string {
  return formatTime(Math.floor(at / 60_000) * 60_000)
}

export function formatDay(at: number): string {
  return new Date(at).toISOString().slice(0, 10)
}

/** `2026-11`. */
export function monthOf(at: number): string {
  return new Date(at).toISOString().slice(0, 7)
}

/** `3 h`, `2 days`: as much as one wants to know of how long ago it was. */
export function formatSpan(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  if (minutes < 1) return 'less than a minute'
  if (minutes < 100) return plural(minutes, 'minute')
  const hours = Math.round(minutes / 60)
  return hours < 48 ? `${hours} h` : plural(Math.round(hours / 24), 'day')
}

/** `2026-11-01 to 2026-11-30`: whole days without their time. The end does not belong to it. */
export function formatRange({ start, end }: Range): string {
  if (start % DAY_MS === 0 && end % DAY_MS === 0) return `${formatDay(start)} to ${formatDay(end)}`
  return `${formatTime(start).replace(' UTC', '')} to ${formatTime(end)}`
}

export function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`
}

export type Range = { start: number; end: number }

/** The calendar's cells, in UTC, from smallest to largest; a week begins on Monday. */
const UNITS = ['day', 'week', 'month', 'quarter', 'year'] as const
export type Unit = (typeof UNITS)[number]

/** The beginning of the cell in which the instant lies. */
export function startOf(unit: Unit, at: number): number {
  const date = new Date(at)
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()]
  if (unit === 'day') return utc(year, month, day)
  if (unit === 'week') return utc(year, month, day - ((date.getUTCDay() + 6) % 7))
  if (unit === 'month') return utc(year, month, 1)
  return utc(year, unit === 'year' ? 0 : month - (month % 3), 1)
}

/** Date.UTC takes the years 0 to 99 for those of the last century. */
function utc(year: number, month: number, day: number): number {
  const date = new Date(0)
  return date.setUTCFullYear(year, month, day)
}

export function nextOf(unit: Unit, start: number): number {
  const days = { day: 1, week: 7, month: 32, quarter: 93, year: 367 }[unit]
  return startOf(unit, start + days * DAY_MS)
}

/** The cells of the calendar that a range meets. */
export function cellsOf(unit: Unit, range: Range): Range[] {
  const cells: Range[] = []
  for (let start = startOf(unit, range.start); start < range.end; start = nextOf(unit, start))
    cells.push({ start, end: nextOf(unit, start) })
  return cells
}

/** The finest unit that gives no more cells than that; years where none does. */
export function chooseUnit(range: Range, most: number): Unit {
  const days = { day: 1, week: 7, month: 30.4, quarter: 91.3, year: 365.25 }
  const fits = (unit: Unit): boolean => (range.end - range.start) / DAY_MS / days[unit] <= most
  return UNITS.find(fits) ?? 'year'
}
