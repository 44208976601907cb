import { type ScannedObject, scanObject } from '@singer-io-ts/core'
import type { Row } from './answer.ts'
import { readSeconds } from './rowtime.ts'
import { shapeOf } from './shapes.ts'

const metaDataPlaces: number[] = []

/** A row that need not be parsed; undefined where something about it is odd. */
export function readScannedRow(
  source: Buffer,
  start: number,
  { end, places, hasTabs, hasEscapedName }: ScannedObject,
): Row | undefined {
  if (hasEscapedName) return undefined
  const { members, id, metaData, status } = shapeOf(source, places)
  if (id === -1 || metaData === -1) return undefined
  const text = readPlainText(source, startOf(places, id), endOf(places, id))
  const at = readLastUpdated(source, startOf(places, metaData))
  if (text === undefined || Number.isNaN(at)) return undefined
  const isDeleted =
    status !== -1 && isDeletedAt(source, startOf(places, status), endOf(places, status))
  return { id: text, at, source, start, end, members, isDeleted, isOneLine: !hasTabs }
}

function startOf(places: readonly number[], member: number): number {
  return places[4 * member + 2] as number
}

function endOf(places: readonly number[], member: number): number {
  return places[4 * member + 3] as number
}

/** NaN where it is not an object with a time. */
function readLastUpdated(source: Buffer, start: number): number {
  const scanned = scanObject(source, start, metaDataPlaces)
  if (scanned === undefined || scanned.hasEscapedName) return Number.NaN
  const { places } = scanned
  const { lastUpdatedTime } = shapeOf(source, places)
  if (lastUpdatedTime === -1) return Number.NaN
  return readSeconds(source, startOf(places, lastUpdatedTime), endOf(places, lastUpdatedTime))
}

/** A text without an escape, and not empty; else undefined. */
function readPlainText(source: Buffer, start: number, end: number): string | undefined {
  if (source[start] !== QUOTE || end - start < 3) return undefined
  let isAscii = true
  for (let at = start + 1; at < end - 1; at++) {
    const byte = source[at] as number
    if (byte === BACKSLASH) return undefined
    if (byte > MOST_ASCII) isAscii = false
  }
  return source.toString(isAscii ? 'latin1' : 'utf8', start + 1, end - 1)
}

function isDeletedAt(source: Buffer, start: number, end: number): boolean {
  return (
    end - start === DELETED.length && source.compare(DELETED, 0, DELETED.length, start, end) === 0
  )
}

const DELETED = Buffer.from('"Deleted"')
const QUOTE = 0x22
const BACKSLASH = 0x5c
const MOST_ASCII = 0x7f
