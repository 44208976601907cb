/** As QuickBooks writes a time. */
const USUAL = /^"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d"$/
const USUAL_BYTES = '"2026-05-05T05:16:21-07:00"'.length
/** Where in it the time of the day stands. */
const TIME_START = 12
const TIME_END = 20

/** The last time that had to be parsed, and when its day began in epoch seconds. */
const known: Buffer = Buffer.alloc(USUAL_BYTES)
let knownDay = 0

/**
 * Epoch seconds, rounded down, of the JSON value that lies there: what `Date.parse` makes of it,
 * NaN where it is no time. Rows come ordered by time, so that most are of the day of the one
 * before: parsing each would take as long as all else about a row.
 */
export function readSeconds(source: Buffer, start: number, end: number): number {
  if (end - start !== USUAL_BYTES) return parseSeconds(source.toString('utf8', start, end))
  const timeOfDay = readTimeOfDay(source, start + TIME_START)
  if (timeOfDay >= 0 && isKnownDay(source, start)) return knownDay + timeOfDay
  const text = source.toString('utf8', start, end)
  const seconds = parseSeconds(text)
  if (timeOfDay >= 0 && USUAL.test(text) && !Number.isNaN(seconds)) {
    knownDay = seconds - timeOfDay
    source.copy(known, 0, start, end)
  }
  return seconds
}

function parseSeconds(text: string): number {
  return Math.floor(Date.parse(String(JSON.parse(text))) / 1000)
}

/** All but the time of the day is as it was: the date, and the offset from UTC. */
function isKnownDay(source: Buffer, start: number): boolean {
  for (let n = 0; n < TIME_START; n++) if (source[start + n] !== known[n]) return false
  for (let n = TIME_END; n < USUAL_BYTES; n++) if (source[start + n] !== known[n]) return false
  return true
}

/** Seconds since midnight; -1 where there is no time of the day. */
function readTimeOfDay(source: Buffer, at: number): number {
  if (source[at + 2] !== COLON || source[at + 5] !== COLON) return -1
  const hour = readTwoDigits(source, at)
  const minute = readTwoDigits(source, at + 3)
  const second = readTwoDigits(source, at + 6)
  return hour < 24 && minute < 60 && second < 60 ? 3600 * hour + 60 * minute + second : -1
}

/** 100 where there are none. */
function readTwoDigits(source: Buffer, at: number): number {
  const tens = (source[at] as number) - 0x30
  const ones = (source[at + 1] as number) - 0x30
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? 10 * tens + ones : 100
}

const COLON = 0x3a
