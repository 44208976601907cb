/** What objects with the same members in the same order have in common. */
export type Shape = {
  members: readonly string[]
  /** Where among its members each of these stands; -1 for none. The last one of a name counts. */
  id: number
  metaData: number
  status: number
  lastUpdatedTime: number
}

/** Names, and lists of them, that come often are few. */
const MOST_KNOWN = 1000

const names = new Map<number, { bytes: Buffer; name: string }>()
const shapes = new Map<number, Shape>()
/** The names of the object that is looked at; a list that is made longer and shorter costs more. */
const found: string[] = []

/** The shape of an object by the places of its members, see `scanObject`. No name has an escape. */
export function shapeOf(source: Buffer, places: readonly number[]): Shape {
  const count = places.length / 4
  let key = count
  for (let n = 0; n < count; n++) {
    const start = (places[4 * n] as number) + 1
    const end = (places[4 * n + 1] as number) - 1
    const nameKey = keyOf(source, start, end)
    found[n] = nameOf(source, start, end, nameKey)
    key = (31 * key + nameKey) | 0
  }
  const known = shapes.get(key)
  if (known !== undefined && isFound(known.members, count)) return known
  const members = found.slice(0, count)
  const shape = {
    members,
    id: members.lastIndexOf('Id'),
    metaData: members.lastIndexOf('MetaData'),
    status: members.lastIndexOf('status'),
    lastUpdatedTime: members.lastIndexOf('LastUpdatedTime'),
  }
  if (shapes.size === MOST_KNOWN) shapes.clear()
  shapes.set(key, shape)
  return shape
}

function isFound(members: readonly string[], count: number): boolean {
  if (members.length !== count) return false
  for (let n = 0; n < members.length; n++) if (members[n] !== found[n]) return false
  return true
}

/** Most names have another one. */
function keyOf(source: Buffer, start: number, end: number): number {
  const middle = source[(start + end) >> 1] as number
  const ends = ((source[start] as number) << 7) ^ (source[end - 1] as number)
  return ((end - start) << 21) ^ (middle << 14) ^ ends
}

/** A name by its bytes: to make a text of them each time would take longer than all the rest. */
function nameOf(source: Buffer, start: number, end: number, key: number): string {
  const known = names.get(key)
  if (known !== undefined && isAt(known.bytes, source, start, end)) return known.name
  const bytes = Buffer.from(source.subarray(start, end))
  const name = bytes.toString()
  if (names.size === MOST_KNOWN) names.clear()
  names.set(key, { bytes, name })
  return name
}

function isAt(name: Buffer, source: Buffer, start: number, end: number): boolean {
  if (name.length !== end - start) return false
  for (let n = 0; n < name.length; n++) if (name[n] !== source[start + n]) return false
  return true
}
