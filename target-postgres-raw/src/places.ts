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
    if (end - start !== wanted.length || wanted.compare(buffer, start, end) !== 0) continue
    return buffer.toString('utf8', at(places, n + 2), at(places, n + 3))
  }
  return undefined
}

const UNDERSCORE = 0x5f

/** The members that begin with an underscore and are wanted, with their values as JSON text. */
export function originMembers(
  { buffer, places }: RecordBytes,
  isWanted: (name: string) => boolean,
): Map<string, string> | undefined {
  let found: Map<string, string> | undefined
  for (let n = 0; n < places.length; n += 4) {
    if (buffer[at(places, n) + 1] !== UNDERSCORE) continue
    const name = nameAt(buffer, places, n)
    if (!isWanted(name)) continue
    found ??= new Map()
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
