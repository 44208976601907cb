/** The members of a record by their places in the line's bytes. */
import type { RecordBytes } from '@singer-io-ts/core'
import type { Bytes } from './slabs.ts'

const names = new Map<string, Buffer>()

/** The value of the last member of that name, as JSON text; undefined if there is none. */
export function findMember({ buffer, places }: RecordBytes, name: string): string | undefined {
  let wanted = names.get(name)
  if (wanted === undefined) {
    wanted = Buffer.from(name)
    names.set(name, wanted)
  }
  for (let n = places.length - 4; n >= 0; n -= 4) {
    const start = at(places, n) + 1
    const end = at(places, n + 1) - 1
    if (isSame(buffer, start, end, wanted))
      return textOf(buffer, at(places, n + 2), at(places, n + 3))
  }
  return undefined
}

function isSame(buffer: Buffer, start: number, end: number, wanted: Buffer): boolean {
  if (end - start !== wanted.length) return false
  for (let n = 0; n < wanted.length; n++) if (buffer[start + n] !== wanted[n]) return false
  return true
}

/** Texts of few characters are made without a call out of JavaScript. */
const FEW = 12

function textOf(buffer: Buffer, start: number, end: number): string {
  if (end - start > FEW) return buffer.toString('utf8', start, end)
  let text = ''
  for (let at = start; at < end; at++) {
    const byte = buffer[at] as number
    if (byte > 0x7f) return buffer.toString('utf8', start, end)
    text += String.fromCharCode(byte)
  }
  return text
}

const UNDERSCORE = 0x5f

/** From the first member that begins with an underscore to the last one; undefined if none does. */
export function originPlaces({ buffer, places }: RecordBytes): Bytes | undefined {
  let start = -1
  let end = -1
  for (let n = 0; n < places.length; n += 4) {
    if (buffer[at(places, n) + 1] !== UNDERSCORE) continue
    if (start === -1) start = at(places, n)
    end = at(places, n + 3)
  }
  return start === -1 ? undefined : { buffer, start, end }
}

/** The members that begin with an underscore and are wanted, with their values as JSON text. */
export function originMembers(
  { buffer, places }: RecordBytes,
  isWanted: (name: string) => boolean,
): Map<string, string> {
  const found = new Map<string, string>()
  for (let n = 0; n < places.length; n += 4) {
    if (buffer[at(places, n) + 1] !== UNDERSCORE) continue
    const name = nameAt(buffer, places, n)
    if (!isWanted(name)) continue
    found.set(name, buffer.toString('utf8', at(places, n + 2), at(places, n + 3)))
  }
  return found
}

/** The record without these members; all else to the letter. */
export function withoutPlaces(
  { buffer, start, end, places }: RecordBytes,
  names: { has(name: string): boolean; size: number } | undefined,
): Bytes[] {
  if (names === undefined || names.size === 0) return [{ buffer, start, end }]
  const pieces: Bytes[] = [{ buffer, start, end: at(places, 0) }]
  let isFirst = true
  let before = start
  const add = (from: number, to: number): void => {
    const last = pieces.at(-1)
    if (last?.end === from) last.end = to
    else pieces.push({ buffer, start: from, end: to })
  }
  for (let n = 0; n < places.length; n += 4) {
    const isOut = buffer[at(places, n) + 1] === UNDERSCORE && names.has(nameAt(buffer, places, n))
    if (!isOut) {
      // With the comma before it, except for the first one.
      add(isFirst ? at(places, n) : before, at(places, n + 3))
      isFirst = false
    }
    before = at(places, n + 3)
  }
  add(before, end)
  return pieces
}

function nameAt(buffer: Buffer, places: readonly number[], n: number): string {
  return buffer.toString('utf8', at(places, n) + 1, at(places, n + 1) - 1)
}

function at(places: readonly number[], n: number): number {
  return places[n] as number
}
