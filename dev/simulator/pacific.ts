// QuickBooks writes every timestamp in Pacific time, whatever the company's own zone is.

type Year = { start: number; base: number; changes: { at: number; offset: number }[] }

const zone = new Intl.DateTimeFormat('en-US', {
  timeZone: 'America/Los_Angeles',
  timeZoneName: 'longOffset',
})
const years = new Map<number, Year>()

function askOffset(seconds: number): number {
  const part = zone.formatToParts(seconds * 1000).find(({ type }) => type === 'timeZoneName')
  const match = /GMT([+-])(\d\d):(\d\d)/.exec(part?.value ?? '')
  if (!match) return 0
  const size = Number(match[2]) * 3600 + Number(match[3]) * 60
  return match[1] === '-' ? -size : size
}

function readYear(number: number): Year {
  const start = Date.UTC(number, 0, 1) / 1000
  const end = Date.UTC(number + 1, 0, 1) / 1000
  const year: Year = { start, base: askOffset(start), changes: [] }
  let offset = year.base
  for (let low = start; low < end; ) {
    const high = Math.min(low + 30 * 86400, end)
    if (askOffset(high) === offset) {
      low = high
      continue
    }
    let [before, after] = [low, high]
    while (after - before > 1) {
      const middle = Math.floor((before + after) / 2)
      if (askOffset(middle) === offset) before = middle
      else after = middle
    }
    offset = askOffset(after)
    year.changes.push({ at: after, offset })
    low = after
  }
  return year
}

/** Pacific offset from UTC, in seconds, at an instant (epoch seconds). Asked of Intl once a year. */
export function pacificOffset(seconds: number): number {
  const number = new Date(seconds * 1000).getUTCFullYear()
  let year = years.get(number)
  if (!year) {
    year = readYear(number)
    years.set(number, year)
  }
  let offset = year.base
  for (const change of year.changes) if (seconds >= change.at) offset = change.offset
  return offset
}

function suffix(offset: number): string {
  const size = Math.abs(offset) / 60
  const hours = String(Math.floor(size / 60)).padStart(2, '0')
  return `${offset < 0 ? '-' : '+'}${hours}:${String(size % 60).padStart(2, '0')}`
}

/** Epoch seconds as `2014-09-18T12:09:39-07:00`. */
export function pacificSeconds(seconds: number): string {
  const offset = pacificOffset(seconds)
  return new Date((seconds + offset) * 1000).toISOString().slice(0, 19) + suffix(offset)
}

/** Epoch milliseconds as `2026-05-05T06:52:56.527-07:00`, the form of an answer's `time`. */
export function pacificMillis(millis: number): string {
  const offset = pacificOffset(Math.floor(millis / 1000))
  return new Date(millis + offset * 1000).toISOString().slice(0, 23) + suffix(offset)
}

/** The Pacific calendar day of an instant (epoch seconds), `2014-09-18`. */
export function pacificDay(seconds: number): string {
  return new Date((seconds + pacificOffset(seconds)) * 1000).toISOString().slice(0, 10)
}

const form = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(\.\d+)?)?\s*(Z|[+-]\d\d:?\d\d)?$/i

/**
 * Epoch milliseconds of a date or date-time; undefined when it is neither. Without a zone it is
 * Pacific, and a bare date is Pacific midnight (which zone QuickBooks means is UNVERIFIED).
 */
export function readTime(text: string): number | undefined {
  const match = form.exec(text.trim())
  if (!match) return undefined
  const clock = match[2] === undefined ? '00:00:00' : match[2].padEnd(8, ':00')
  const fraction = match[3] === undefined ? '' : match[3].slice(0, 4)
  const zoneText = match[4]?.toUpperCase()
  const utc = Date.parse(`${match[1]}T${clock}${fraction}Z`)
  if (Number.isNaN(utc)) return undefined
  if (zoneText === 'Z') return utc
  if (zoneText !== undefined) {
    const [hours, minutes] = [Number(zoneText.slice(1, 3)), Number(zoneText.slice(-2))]
    const size = (hours * 60 + minutes) * 60_000
    return zoneText.startsWith('-') ? utc + size : utc - size
  }
  const guess = utc - pacificOffset(utc / 1000) * 1000
  return utc - pacificOffset(Math.floor(guess / 1000)) * 1000
}
