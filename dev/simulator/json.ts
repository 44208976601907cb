// JSON as text: JSON.parse turns `1.10` into 1.1, so rows are taken apart and put together again
// with every scalar kept as the very characters that came.

/** A scalar is its own JSON text (`"a\"b"`, `1.10`, `true`). */
export type Json = string | Json[] | Map<string, Json>

type Cursor = { text: string; at: number }

function fail(cursor: Cursor): never {
  throw new SyntaxError(`invalid JSON at character ${cursor.at}`)
}

function skipSpace(cursor: Cursor): void {
  const { text } = cursor
  for (;;) {
    const code = text.charCodeAt(cursor.at)
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9 && code !== 0xfeff) return
    cursor.at++
  }
}

function readString(cursor: Cursor): string {
  const { text } = cursor
  const start = cursor.at
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 92) at++
    else if (code === 34) {
      cursor.at = at + 1
      return text.slice(start, cursor.at)
    }
  }
  return fail(cursor)
}

const scalar = /(?:-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y

function readValue(cursor: Cursor): Json {
  skipSpace(cursor)
  const first = cursor.text[cursor.at]
  if (first === '{') return readObject(cursor)
  if (first === '[') return readArray(cursor)
  if (first === '"') return readString(cursor)
  scalar.lastIndex = cursor.at
  const match = scalar.exec(cursor.text)
  if (!match) return fail(cursor)
  cursor.at += match[0].length
  return match[0]
}

function readObject(cursor: Cursor): Map<string, Json> {
  const members = new Map<string, Json>()
  cursor.at++
  skipSpace(cursor)
  if (cursor.text[cursor.at] === '}') {
    cursor.at++
    return members
  }
  for (;;) {
    skipSpace(cursor)
    if (cursor.text[cursor.at] !== '"') fail(cursor)
    const key = JSON.parse(readString(cursor)) as string
    skipSpace(cursor)
    if (cursor.text[cursor.at] !== ':') fail(cursor)
    cursor.at++
    members.set(key, readValue(cursor))
    skipSpace(cursor)
    const mark = cursor.text[cursor.at++]
    if (mark === '}') return members
    if (mark !== ',') fail(cursor)
  }
}

function readArray(cursor: Cursor): Json[] {
  const entries: Json[] = []
  cursor.at++
  skipSpace(cursor)
  if (cursor.text[cursor.at] === ']') {
    cursor.at++
    return entries
  }
  for (;;) {
    entries.push(readValue(cursor))
    skipSpace(cursor)
    const mark = cursor.text[cursor.at++]
    if (mark === ']') return entries
    if (mark !== ',') fail(cursor)
  }
}

/** Takes JSON text apart, scalars kept as text. Throws SyntaxError with the character's position. */
export function readJson(text: string): Json {
  const cursor = { text, at: 0 }
  const value = readValue(cursor)
  skipSpace(cursor)
  if (cursor.at !== text.length) fail(cursor)
  return value
}

/** Compact JSON text: scalars and member order exactly as they were read. */
export function writeJson(value: Json): string {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return `[${value.map(writeJson).join(',')}]`
  const members: string[] = []
  for (const [key, member] of value) members.push(`${JSON.stringify(key)}:${writeJson(member)}`)
  return `{${members.join(',')}}`
}

/** The value at a dotted path, undefined where it is absent. */
export function member(value: Json | undefined, path: string): Json | undefined {
  let found = value
  for (const key of path.split('.')) {
    if (!(found instanceof Map)) return undefined
    found = found.get(key)
  }
  return found
}

/** The plain text of a scalar (a string without its quotes), undefined for anything else. */
export function plain(value: Json | undefined): string | undefined {
  if (typeof value !== 'string' || value === 'null') return undefined
  return value.startsWith('"') ? (JSON.parse(value) as string) : value
}
