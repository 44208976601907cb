/**
 * Looks through JSON as bytes, and checks all of it: a record is stored without being parsed. Where
 * anything is not as it should be, the answer is -1 or undefined, and `JSON.parse` may say why.
 */

/** An object in a line: where it ends, its members, and what whoever stores it must look after. */
export type ScannedObject = {
  end: number
  /** For each member where its quoted name begins and ends, and where its value does. */
  places: number[]
  /** Has a tab or a carriage return between its parts. */
  hasTabs: boolean
  /** May hold a character that Postgres does not store, `\u0000` or half a surrogate pair. */
  isSuspect: boolean
  /** The name of a member has an escape. */
  hasEscapedName: boolean
}

/** A backslash came. */
let isEscaped = false
let isSuspect = false
let hasTabs = false
/** With what the objects and lists end that are open around the innermost one. */
let outer = new Uint8Array(256)

/** Where places are gathered: a list that grows with each of them would be copied many times. */
const gathered: number[] = []

/**
 * The object that begins at `start`; undefined if there is none, or it is not JSON. A list that is
 * not needed any more may be given for its places. Not recursive, for a record may nest deeper than
 * the stack is high.
 */
export function scanObject(
  bytes: Uint8Array,
  start: number,
  reused?: number[],
): ScannedObject | undefined {
  if (bytes[start] !== OPEN_BRACE) return undefined
  isEscaped = false
  isSuspect = false
  hasTabs = false
  const places = reused ?? gathered
  let count = 0
  let hasEscapedName = false
  let depth = 0
  let close = CLOSE_BRACE
  let at = skipSpace(bytes, start + 1)
  if (bytes[at] === CLOSE_BRACE) return scanned(at + 1, places, 0, reused, false)
  for (;;) {
    if (close === CLOSE_BRACE) {
      const name = at
      at = skipString(bytes, name)
      if (depth === 0) {
        places[count] = name
        places[count + 1] = at
        if (isEscaped) hasEscapedName ||= hasBackslash(bytes, name, at)
      }
      at = skipSpace(bytes, at)
      if (bytes[at] !== COLON) return undefined
      at = skipSpace(bytes, at + 1)
      if (depth === 0) places[count + 2] = at
    }
    const first = bytes[at] as number
    if (first === QUOTE) at = skipString(bytes, at)
    else if (first === OPEN_BRACE || first === OPEN_BRACKET) {
      at = skipSpace(bytes, at + 1)
      if (bytes[at] === first + TO_CLOSE) at++
      else {
        if (depth === outer.length) outer = widen(outer)
        outer[depth++] = close
        close = first + TO_CLOSE
        continue
      }
    } else at = skipScalar(bytes, at)
    for (;;) {
      if (depth === 0) {
        places[count + 3] = at
        count += 4
      }
      at = skipSpace(bytes, at)
      const byte = bytes[at]
      at++
      if (byte === COMMA) break
      if (byte !== close) return undefined
      if (depth === 0) return scanned(at, places, count, reused, hasEscapedName)
      close = outer[--depth] as number
    }
    at = skipSpace(bytes, at)
  }
}

function scanned(
  end: number,
  found: number[],
  count: number,
  reused: number[] | undefined,
  hasEscapedName: boolean,
): ScannedObject {
  if (reused !== undefined) reused.length = count
  const places = reused ?? found.slice(0, count)
  return { end, places, hasTabs, isSuspect, hasEscapedName }
}

function widen(narrow: Uint8Array): Uint8Array<ArrayBuffer> {
  const wide = new Uint8Array(2 * narrow.length)
  wide.set(narrow)
  return wide
}

function hasBackslash(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === BACKSLASH) return true
  return false
}

/** Mostly there is none. */
function skipSpace(bytes: Uint8Array, start: number): number {
  return (bytes[start] as number) > SPACE ? start : skipSpaces(bytes, start)
}

function skipSpaces(bytes: Uint8Array, start: number): number {
  for (let at = start; ; at++) {
    const byte = bytes[at]
    if (byte === SPACE) continue
    if (byte !== TAB && byte !== LINE_FEED && byte !== RETURN) return at
    hasTabs = true
  }
}

function skipString(bytes: Uint8Array, start: number): number {
  if (bytes[start] !== QUOTE) return NOWHERE
  for (let at = start + 1; ; at++) {
    // Four at a time, which takes a third less than each by itself.
    while (
      isPlain(bytes, at) &&
      isPlain(bytes, at + 1) &&
      isPlain(bytes, at + 2) &&
      isPlain(bytes, at + 3)
    )
      at += 4
    while (isPlain(bytes, at)) at++
    const byte = bytes[at]
    if (byte === QUOTE) return at + 1
    if (byte !== BACKSLASH) return NOWHERE
    at = skipEscape(bytes, at)
    if (at === NOWHERE) return NOWHERE
  }
}

/** Whether the byte stands for itself in a string. */
function isPlain(bytes: Uint8Array, at: number): boolean {
  return PLAIN[bytes[at] as number] === 1
}

/** The position of the escape's last byte. */
function skipEscape(bytes: Uint8Array, start: number): number {
  isEscaped = true
  const letter = bytes[start + 1] ?? 0
  if (letter !== SMALL_U) return ESCAPED.includes(letter) ? start + 1 : -1
  let unit = 0
  for (let at = start + 2; at < start + 6; at++) {
    const digit = hexDigit(bytes[at] ?? 0)
    if (digit === -1) return NOWHERE
    unit = unit * 16 + digit
  }
  if (unit === 0 || (unit & 0xf800) === 0xd800) isSuspect = true
  return start + 5
}

function hexDigit(byte: number): number {
  if (isDigit(byte)) return byte - 0x30
  const small = byte | 0x20
  return small >= 0x61 && small <= 0x66 ? small - 0x57 : -1
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}

function skipScalar(bytes: Uint8Array, start: number): number {
  const first = bytes[start]
  if (first === MINUS || isDigit(first)) return skipNumber(bytes, start)
  const word = first === 0x74 ? TRUE : first === 0x66 ? FALSE : NULL
  for (let n = 0; n < word.length; n++) if (bytes[start + n] !== word[n]) return NOWHERE
  return start + word.length
}

function skipNumber(bytes: Uint8Array, start: number): number {
  let at = bytes[start] === MINUS ? start + 1 : start
  if (bytes[at] === 0x30) at++
  else {
    at = skipDigits(bytes, at)
    if (at === NOWHERE) return NOWHERE
  }
  if (bytes[at] === POINT) {
    at = skipDigits(bytes, at + 1)
    if (at === NOWHERE) return NOWHERE
  }
  if (((bytes[at] ?? 0) | 0x20) !== SMALL_E) return at
  at++
  if (bytes[at] === PLUS || bytes[at] === MINUS) at++
  return skipDigits(bytes, at)
}

/** One digit at least. */
function skipDigits(bytes: Uint8Array, start: number): number {
  let at = start
  while (isDigit(bytes[at])) at++
  return at === start ? NOWHERE : at
}

/** No byte is there, so that whatever is looked for at it is missing. */
const NOWHERE = -1
const TAB = 0x09
const LINE_FEED = 0x0a
const RETURN = 0x0d
const SPACE = 0x20
const QUOTE = 0x22
const PLUS = 0x2b
const COMMA = 0x2c
const MINUS = 0x2d
const POINT = 0x2e
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const BACKSLASH = 0x5c
const SMALL_E = 0x65
const SMALL_U = 0x75
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
/** From what opens an object or a list to what closes it. */
const TO_CLOSE: number = CLOSE_BRACE - OPEN_BRACE
/** 1 for each byte that stands for itself in a string. */
const PLAIN: Uint8Array = new Uint8Array(256).map((_, byte) =>
  byte < SPACE || byte === QUOTE || byte === BACKSLASH ? 0 : 1,
)
const TRUE: Buffer = Buffer.from('true')
const FALSE: Buffer = Buffer.from('false')
const NULL: Buffer = Buffer.from('null')
const ESCAPED: Buffer = Buffer.from('"\\/bfnrt')
