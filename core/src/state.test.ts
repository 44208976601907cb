import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ConfigError } from './errors.ts'
import { readState } from './state.ts'

const folder = mkdtempSync(join(tmpdir(), 'core-state-'))
const path = join(folder, 'state.json')

function fault(text: string | Buffer): string {
  writeFileSync(path, text)
  try {
    readState(path)
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(ConfigError)
    const { faults, code, hint } = thrown as ConfigError
    expect(code).toBe(1)
    expect(hint).toMatch(/leave --state away/)
    expect(faults).toHaveLength(1)
    expect(faults[0]).toContain(`--state ${path}: `)
    return faults[0]!.slice(`--state ${path}: `.length)
  }
  throw new Error('the state was accepted')
}

test.each([
  '{"bookmarks":{"invoices":{"replication_key_value":"2024-03-01T00:00:00Z"}},"mine":[1]}',
  '{"bookmarks":{}}',
  '{}',
  '{"currently_syncing":null}',
  '{"value":{"a":1}}',
  '\n{\n  "bookmarks": {}\n}\n\n',
])('the state %j is read as it stands', (text) => {
  writeFileSync(path, text)
  expect(readState(path)).toEqual(JSON.parse(text))
  writeFileSync(path, `\uFEFF${text}`)
  expect(readState(path)).toEqual(JSON.parse(text))
})

test('bookmarks that are null are no bookmarks', () => {
  writeFileSync(path, '{"bookmarks":null,"mine":1}')
  expect(readState(path)).toEqual({ mine: 1 })
})

test('a missing file is refused, and what to do for a first run is said', () => {
  const missing = join(folder, 'missing.json')
  expect(() => readState(missing)).toThrow(`--state ${missing}: cannot be read (ENOENT`)
  expect(() => readState(missing)).toThrow(
    expect.objectContaining({ code: 1, hint: 'A first run has none: leave --state away.' }),
  )
  expect(() => readState(folder)).toThrow(`--state ${folder}: cannot be read (EISDIR`)
})

test.each(['', '\n', ' \r\n ', '\uFEFF'])('an empty file (%j) is refused', (text) => {
  expect(fault(text)).toBe('the file is empty')
})

test.each([
  '{"bookmarks":{"inv',
  '{"bookmarks":{}',
  '{\n  "bookmarks": {\n    "a": 1,\n',
  '{"bookmarks":{}}}',
  'x',
  '\0\0\0\0',
])('a corrupt file (%j) is refused', (text) => {
  expect(fault(text)).toBe('is not whole JSON')
})

test('a file with several states is refused', () => {
  expect(fault('{"bookmarks":{}}\n{"bookmarks":{}}\n')).toBe('holds 2 lines, not one JSON object')
  expect(fault('{}\r\n{}\r\n{"a"')).toBe('holds 3 lines, not one JSON object')
})

test.each(['null', '[]', '1', '"{}"', 'true'])('%s is no state', (text) => {
  expect(fault(text)).toBe('is not a JSON object')
})

test.each(['[]', '1', '"x"', 'true', '[{"invoices":1}]'])(
  'bookmarks that are %s are refused',
  (bookmarks) => {
    expect(fault(`{"bookmarks":${bookmarks}}`)).toBe("'bookmarks' is not an object")
  },
)

test('a STATE message is refused: taken for a state it would mean a first run', () => {
  expect(fault('{"type":"STATE","value":{"bookmarks":{}}}')).toBe(
    'holds a STATE message, not the value in it',
  )
})

test.each(['utf16le', 'utf16le with a mark', 'latin1'])(
  'a file in %s is refused as such',
  (how) => {
    const text = `${how.includes('mark') ? '\uFEFF' : ''}{"bookmarks":{"é":{}}}`
    const bytes = Buffer.from(text, how.startsWith('utf16le') ? 'utf16le' : 'latin1')
    const what = how === 'latin1' ? 'is not UTF-8 text' : 'is UTF-16 text'
    expect(fault(bytes)).toBe(`${what}; save it as UTF-8`)
  },
)

test('a state that nests more deeply than a STATE can be written is refused', () => {
  const nested = (depth: number) => `{"mine":${'['.repeat(depth)}${']'.repeat(depth)}}`
  expect(fault(nested(100_000))).toBe('nests too deeply to be written again')
  writeFileSync(path, nested(500))
  expect(readState(path)).toEqual(JSON.parse(nested(500)))
})
