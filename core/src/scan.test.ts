import fc from 'fast-check'
import { expect, test } from 'vitest'
import { objectMembers } from './json.ts'
import { scanObject } from './scan.ts'

/** JSON.parse as the judge: the object that a text is, with nothing after it. */
function isWholeObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

function scan(text: string) {
  return scanObject(Buffer.from(text), 0)
}

/** The scanned members as spans of the text, which is ASCII. */
function spansOf(text: string): number[][] {
  const { places = [] } = scan(text) ?? {}
  const members: number[][] = []
  for (let n = 0; n < places.length; n += 4) members.push(places.slice(n, n + 4))
  return members
}

const json = fc
  .dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue(), { maxKeys: 5 })
  .chain((value) =>
    fc.constantFrom(undefined, 1, '\t').map((indent) => JSON.stringify(value, null, indent)),
  )

const KINDS = '{}[]",:\\/bnrtu0123456789.eE+-dfalsenulltrue \t\n\r\u0001é'

/** JSON with some characters put in, taken out or exchanged: often no longer JSON. */
const broken = fc
  .tuple(
    json,
    fc.array(fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom(...KINDS)), {
      minLength: 1,
      maxLength: 3,
    }),
  )
  .map(([text, changes]) =>
    changes.reduce((changed, [place, kind, character]) => {
      const at = place % (changed.length + 1)
      const put = kind === 0 ? '' : character
      return changed.slice(0, at) + put + changed.slice(at + (kind === 1 ? 0 : 1))
    }, text),
  )

test('what is scanned to its end is what JSON.parse takes for an object, and nothing else', () => {
  fc.assert(
    fc.property(fc.oneof(json, broken), (text) => {
      const end = scan(text)?.end
      const isScanned = text.startsWith('{') && end === Buffer.byteLength(text.trimEnd())
      expect(isScanned, text).toBe(text.startsWith('{') && isWholeObject(text))
    }),
    { numRuns: 3000 },
  )
})

test.each([
  ['-0', '0.10', '1e400', '-1.5E+3', '12345678901234567890.12', 'true', 'false', 'null', '""'],
  ['-', '01', '1.', '.5', '1e', '+1', 'tru', 'nulll', 'NaN', "'a'", '"\t"', '"\\x"', '"\\u12g4"'],
])('numbers, words and strings are told from what only looks like them (%#)', (...values) => {
  for (const value of values)
    expect(scan(`{"a":${value}}`) !== undefined, value).toBe(isWholeObject(`{"a":${value}}`))
})

test('the members lie where they are looked for in the text', () => {
  fc.assert(
    fc.property(json, (text) => {
      const ascii = text.replace(/[^\x00-\x7f]/g, '?')
      expect(spansOf(ascii).map(([name, , start, end]) => [name, start, end])).toEqual(
        objectMembers(ascii).members.map(({ nameStart, start, end }) => [nameStart, start, end]),
      )
    }),
  )
})

test('objects may be nested deeper than the stack is high', () => {
  const depth = 100_000
  expect(scan(`{"a":${'[{"b":'.repeat(depth)}1${'}]'.repeat(depth)}}`)?.places).toHaveLength(4)
  expect(scan(`{"a":${'['.repeat(depth)}`)).toBeUndefined()
})

test.each([
  ['{"a":"x"}', {}],
  ['{"a":"\\n"}', {}],
  ['{"a":"\\\\u0000"}', {}],
  ['{"a":"\\u00e9"}', {}],
  ['{"a":[{"b":"\\u0000"}]}', { isSuspect: true }],
  ['{"a":"\\uDC00"}', { isSuspect: true }],
  ['{"\\u0061":1}', { hasEscapedName: true }],
  ['{"a":"\\n","b":1}', {}],
  ['{"a":\t1}', { hasTabs: true }],
  ['{"a": 1}', {}],
])('%s is known by what there is to look after', (text, flags) => {
  const none = { isSuspect: false, hasEscapedName: false, hasTabs: false }
  expect(scan(text)).toMatchObject({ ...none, ...flags })
})
