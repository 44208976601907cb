import { isAscii } from 'node:buffer'
import { scanObject } from '@singer-io-ts/core'
import { strangeAnswer } from './errors.ts'
import { toUtc } from './instant.ts'
import { release } from './memory.ts'
import { readScannedRow } from './scannedrow.ts'

/** An object as QuickBooks sent it. */
export type Row = {
  id: string
  /** MetaData.LastUpdatedTime in epoch seconds. */
  at: number
  /** Where the exact JSON text lies in the answer; see rowText. */
  source: Buffer
  start: number
  end: number
  /** The names of its members. */
  members: readonly string[]
  /** Change data capture marks what was deleted. */
  isDeleted: boolean
  /** There is no line break between its members: its bytes can be passed on as they are. */
  isOneLine?: boolean
}

/** An answer without its rows: in `json` each list of rows is its index in `lists`. */
export type Answer = { json: Record<string, unknown>; lists: readonly Row[][] }

/**
 * Takes an answer apart: the envelope is parsed as a whole, each row by itself, so that a page of
 * a thousand rows never stands in memory as objects. Throws SyntaxError when the bytes are not
 * one whole JSON object.
 */
export function readAnswer(bytes: Buffer): Answer {
  const envelope: string[] = []
  const lists: Row[][] = []
  const places: number[] = []
  let copied = 0

  /** Leaves the array at `at` out of the envelope; gives the position after it. */
  function cutList(at: number): number {
    const rows: Row[] = []
    const end = eachElement(bytes, at, (start) => {
      const scanned = scanObject(bytes, start, places)
      const row = scanned && readScannedRow(bytes, start, scanned)
      if (scanned !== undefined && row !== undefined) {
        rows.push(row)
        return scanned.end
      }
      const after = valueEnd(bytes, start)
      rows.push(readRow(bytes, start, after))
      return after
    })
    envelope.push(textOf(bytes, copied, at), String(lists.length))
    copied = end
    lists.push(rows)
    return end
  }
  const cutResponse = (at: number): number =>
    eachMember(bytes, at, (_name, start) =>
      bytes[start] === OPEN_BRACKET ? cutList(start) : valueEnd(bytes, start),
    )
  const cutChanges = (at: number): number =>
    eachElement(bytes, at, (start) =>
      eachMember(bytes, start, (name, value) =>
        name === 'QueryResponse' && bytes[value] === OPEN_BRACKET
          ? eachElement(bytes, value, cutResponse)
          : valueEnd(bytes, value),
      ),
    )

  const end = eachMember(bytes, skipSpace(bytes, 0), (name, start) => {
    if (name === 'QueryResponse' && bytes[start] === OPEN_BRACE) return cutResponse(start)
    if (name === 'CDCResponse' && bytes[start] === OPEN_BRACKET) return cutChanges(start)
    return valueEnd(bytes, start)
  })
  envelope.push(textOf(bytes, copied, bytes.length))
  if (skipSpace(bytes, end) < bytes.length) throw notJson()
  return { json: JSON.parse(envelope.join('')) as Record<string, unknown>, lists }
}

/**
 * The row's exact JSON text. Made when it is needed: a page of texts that waits for a slow reader
 * would be moved to the old part of the heap, which is cleared too seldom to stay small.
 */
export function rowText(row: Row): string {
  return textOf(row.source, row.start, row.end)
}

/** The answer's own time in UTC. */
export function answerTime(answer: Answer): string | undefined {
  return typeof answer.json.time === 'string' ? toUtc(answer.json.time) : undefined
}

const NO_TEXT = Buffer.alloc(0)

/** Lets go of the answer that these rows lie in; only their texts are gone. */
export function dropTexts(rows: readonly Row[]): void {
  const source = rows[0]?.source
  for (const row of rows) row.source = NO_TEXT
  if (source !== undefined) release(source)
}

function readRow(source: Buffer, start: number, end: number): Row {
  const object = (JSON.parse(textOf(source, start, end)) ?? {}) as {
    Id?: unknown
    MetaData?: { LastUpdatedTime?: unknown }
    status?: unknown
  }
  const { Id, MetaData, status } = object
  if (typeof Id !== 'string' || Id === '') throw strangeAnswer('a row has no Id')
  const at = Math.floor(Date.parse(String(MetaData?.LastUpdatedTime)) / 1000)
  if (Number.isNaN(at)) throw strangeAnswer(`the row with Id ${Id} has no MetaData.LastUpdatedTime`)
  const members = Object.keys(object)
  return { id: Id, at, source, start, end, members, isDeleted: status === 'Deleted' }
}

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const BACKSLASH = 0x5c
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

function notJson(): SyntaxError {
  return new SyntaxError('the answer is not whole JSON')
}

function textOf(bytes: Buffer, start: number, end: number): string {
  const part = bytes.subarray(start, end)
  return part.toString(isAscii(part) ? 'latin1' : 'utf8')
}

/** Visits the members of the object at `at`; `visit` gives the position after the value. */
function eachMember(
  bytes: Buffer,
  at: number,
  visit: (name: string, valueStart: number) => number,
): number {
  return eachOf(bytes, at, OPEN_BRACE, CLOSE_BRACE, (start) => {
    if (bytes[start] !== QUOTE) throw notJson()
    const nameEnd = stringEnd(bytes, start)
    const colon = skipSpace(bytes, nameEnd)
    if (bytes[colon] !== COLON) throw notJson()
    const name = JSON.parse(textOf(bytes, start, nameEnd)) as string
    return visit(name, skipSpace(bytes, colon + 1))
  })
}

/** Visits the elements of the array at `at`; `visit` gives the position after the element. */
function eachElement(bytes: Buffer, at: number, visit: (start: number) => number): number {
  return eachOf(bytes, at, OPEN_BRACKET, CLOSE_BRACKET, visit)
}

function eachOf(
  bytes: Buffer,
  start: number,
  open: number,
  close: number,
  visit: (start: number) => number,
): number {
  if (bytes[start] !== open) throw notJson()
  let at = skipSpace(bytes, start + 1)
  if (bytes[at] === close) return at + 1
  for (;;) {
    at = skipSpace(bytes, visit(at))
    if (bytes[at] === close) return at + 1
    if (bytes[at] !== COMMA) throw notJson()
    at = skipSpace(bytes, at + 1)
  }
}

function skipSpace(bytes: Buffer, start: number): number {
  let at = start
  for (; ; at++) {
    const byte = bytes[at]
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at
  }
}

function stringEnd(bytes: Buffer, start: number): number {
  for (let at = start + 1; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === BACKSLASH) at++
    else if (byte === QUOTE) return at + 1
  }
  throw notJson()
}

/** The position after the value; what lies in it is checked by JSON.parse afterwards. */
function valueEnd(bytes: Buffer, start: number): number {
  let depth = 0
  let at = start
  while (at < bytes.length) {
    const byte = bytes[at]
    if (byte === QUOTE) {
      at = stringEnd(bytes, at)
      if (depth === 0) return at
      continue
    }
    if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      if (depth === 0) return at
      depth--
      if (depth === 0) return at + 1
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++
    else if (depth === 0 && (byte === COMMA || isSpace(byte))) return at
    at++
  }
  throw notJson()
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}
