import { DateTime } from 'luxon'
import { END_OF_TIME } from './windows.ts'

/** The first second that RFC 3339 can write: 0000-01-01T00:00:00Z. */
const BEGIN_OF_TIME = -62_167_219_200

/**
 * Epoch seconds (with fractions) of an ISO 8601 date or date-time; UTC where no offset is given.
 * Undefined when the text is none, or in UTC lies beyond the calendar.
 */
export function parseInstant(text: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}([T ]|$)/.test(text)) return undefined
  const time = DateTime.fromISO(text.replace(' ', 'T'), { zone: 'utc' })
  const seconds = time.toMillis() / 1000
  return seconds >= BEGIN_OF_TIME && seconds <= END_OF_TIME ? seconds : undefined
}

/** `2024-03-01T00:00:00Z` of whole epoch seconds. */
export function formatInstant(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`
}

/** `2024-03-01T00:00:00.123Z` of a time with an offset, as in QuickBooks' answers. */
export function toUtc(text: string): string | undefined {
  const millis = Date.parse(text)
  return Number.isNaN(millis) ? undefined : new Date(millis).toISOString()
}
