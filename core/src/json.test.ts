import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  arrayElements,
  jsonBreak,
  lastMember,
  objectMembers,
  withMembers,
  withoutMembers,
} from './json.ts'

/** A JSON text that knows where its parts must lie. */
type Written = { text: string; members?: [name: string, value: Written][]; elements?: Written[] }

const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 3 })
const nastyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      '"',
      '\\',
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      ' ',
      '\n',
      '\u0000',
      'é',
      '😀',
      '\ud800',
    ),
    fc.string({ minLength: 1, maxLength: 1 }),
  ),
  maxLength: 8,
})
/** A string as JSON, sometimes with every character escaped. */
const quoted = fc.tuple(nastyText, fc.boolean()).map(([text, isEscaped]) => {
  if (!isEscaped) return JSON.stringify(text)
  const units = Array.from({ length: text.length }, (_, at) => text.charCodeAt(at))
  return `"${units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')}"`
})
const scalar = fc.oneof(
  quoted,
  fc.constantFrom('true', 'false', 'null', '1.10', '-0', '1e400', '-1.5E+3', '9'.repeat(30)),
)
const written = fc.letrec<{ value: Written; object: Written; array: Written }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    scalar.map((text) => ({ text })),
    tie('object'),
    tie('array'),
  ),
  object: fc
    .array(fc.tuple(space, quoted, space, space, tie('value'), space), { maxLength: 4 })
    .chain((parts) =>
      space.map((inside) => ({
        text: `{${parts.map(([a, name, b, c, value, d]) => `${a}${name}${b}:${c}${value.text}${d}`).join(',') || inside}}`,
        members: parts.map(([, name, , , value]) => [JSON.parse(name), value] as [string, Written]),
      })),
    ),
  array: fc.array(fc.tuple(space, tie('value'), space), { maxLength: 4 }).chain((parts) =>
    space.map((inside) => ({
      text: `[${parts.map(([a, value, b]) => `${a}${value.text}${b}`).join(',') || inside}]`,
      elements: parts.map(([, value]) => value),
    })),
  ),
}))

/** Compares every span, at every depth, with what was written there. */
function expectSpans(text: string, start: number, end: number, wanted: Written): void {
  expect(text.slice(start, end)).toBe(wanted.text)
  if (wanted.members !== undefined) {
    const found = objectMembers(text, start)
    expect(found.end).toBe(end)
    expect(found.members.map((member) => member.name)).toEqual(wanted.members.map(([name]) => name))
    found.members.forEach((member, index) => {
      expect(text[member.nameStart]).toBe('"')
      expectSpans(text, member.start, member.end, wanted.members![index]![1])
    })
  } else if (wanted.elements !== undefined) {
    const found = arrayElements(text, start)
    expect(found.end).toBe(end)
    expect(found.elements).toHaveLength(wanted.elements.length)
    found.elements.forEach((element, index) => {
      expectSpans(text, element.start, element.end, wanted.elements![index]!)
    })
  }
}

test('spans cut exactly the members and elements, whatever the whitespace', () => {
  fc.assert(
    fc.property(fc.oneof(written.object, written.array), space, (value, before) => {
      JSON.parse(value.text)
      const text = `${before}${value.text} `
      expectSpans(text, before.length, before.length + value.text.length, value)
    }),
    { numRuns: 500 },
  )
})

test('whitespace before the start is skipped', () => {
  expect(objectMembers(' \n{"a":1}').members).toMatchObject([{ name: 'a', start: 7, end: 8 }])
  expect(arrayElements(' \n[1]').elements).toEqual([{ start: 3, end: 4 }])
})

test('withoutMembers takes out the named members and keeps all else to the letter', () => {
  fc.assert(
    fc.property(written.object, fc.array(fc.nat(3)), ({ text, members = [] }, places) => {
      const names = new Set(places.flatMap((place) => members[place]?.[0] ?? []))
      const shown = withoutMembers(text, objectMembers(text).members, names)
      JSON.parse(shown)
      const left = objectMembers(shown).members
      const kept = members.filter(([name]) => !names.has(name))
      expect(left.map(({ name }) => name)).toEqual(kept.map(([name]) => name))
      expect(left.map(({ start, end }) => shown.slice(start, end))).toEqual(
        kept.map(([, value]) => value.text),
      )
    }),
    { numRuns: 500 },
  )
})

test.each([
  ['the first', '{ "a" : 1 ,\n "b":2 , "c":3 }', ['a'], '{ "b":2 , "c":3 }'],
  ['one in the middle', '{ "a" : 1 ,\n "b":2 , "c":3 }', ['b'], '{ "a" : 1 , "c":3 }'],
  ['the last', '{ "a" : 1 ,\n "b":2 , "c":3 }', ['c'], '{ "a" : 1 ,\n "b":2 }'],
  ['all', '{ "a" : 1, "b":2 }', ['a', 'b'], '{  }'],
  ['none', '{ "a" : 1, "b":2 }', ['x'], '{ "a" : 1, "b":2 }'],
  ['one that is there twice', '{"a":1,"b":1.10,"a":3}', ['a'], '{"b":1.10}'],
  ['one with an escaped name', '{"\\u0061":1,"b":2}', ['a'], '{"b":2}'],
  ['one of an empty object', '{ }', ['a'], '{ }'],
])('withoutMembers without %s', (_, text, names, wanted) => {
  expect(withoutMembers(text, objectMembers(text).members, new Set(names))).toBe(wanted)
})

test('withMembers adds at the end and keeps all else to the letter', () => {
  fc.assert(
    fc.property(written.object, space, ({ text, members = [] }, after) => {
      const shown = withMembers(text + after, '"new":1.10')
      JSON.parse(shown)
      expect(shown.startsWith(text.slice(0, -1))).toBe(true)
      expect(shown.endsWith(`"new":1.10}${after}`)).toBe(true)
      expect(objectMembers(shown).members).toHaveLength(members.length + 1)
    }),
  )
})

test('withMembers with nothing to add changes nothing', () => {
  expect(withMembers('{"a":1}', '')).toBe('{"a":1}')
  expect(withMembers('{}', '')).toBe('{}')
})

test('the last of several members with one name counts, as for JSON.parse and jsonb', () => {
  const text = '{"a":1,"b":2,"\\u0061":3}'
  const { members } = objectMembers(text)
  expect(text.slice(lastMember(members, 'a')!.start, lastMember(members, 'a')!.end)).toBe('3')
  expect(JSON.parse(text).a).toBe(3)
  expect(lastMember(members, 'c')).toBeUndefined()
})

test('nesting deeper than the stack is high is no obstacle', () => {
  const deep = `${'{"a":['.repeat(200_000)}1.10${']}'.repeat(200_000)}`
  const { members, end } = objectMembers(deep)
  expect(members).toEqual([{ name: 'a', nameStart: 1, start: 5, end: deep.length - 1 }])
  expect(end).toBe(deep.length)
  expect(jsonBreak(deep)).toBe(deep.length)
})

test.each(['', '{', '{"a', '{"a"', '{"a":', '{"a":1', '{"a":[', '{"a":"\\"', '[1]', 'x', '{a:1}'])(
  'text that is no JSON object (%j) is refused, not searched for ever',
  (text) => {
    expect(() => objectMembers(text)).toThrow(SyntaxError)
  },
)

test.each(['', '[', '[1', '[1,', '["a', '[{"a":1}', 'x'])(
  'text that is no JSON array (%j) is refused, not searched for ever',
  (text) => {
    expect(() => arrayElements(text)).toThrow(SyntaxError)
  },
)

test('every beginning of a JSON object is seen as one that ends too early', () => {
  fc.assert(
    fc.property(written.object, fc.nat(), ({ text }, cut) => {
      const start = text.slice(0, cut % text.length)
      expect(jsonBreak(start)).toBe(start.length)
    }),
    { numRuns: 500 },
  )
})

test('a place where JSON breaks is one where no continuation could mend it', () => {
  const characters = fc.string({
    unit: fc.constantFrom(...'{}[]",:\\-+.0123eEtrufalsnN \n/x'),
    maxLength: 12,
  })
  const parses = (text: string): boolean => {
    try {
      JSON.parse(text)
      return true
    } catch {
      return false
    }
  }
  fc.assert(
    fc.property(characters, (text) => {
      const at = jsonBreak(text)
      if (parses(text)) expect(at).toBe(text.length)
      // What stands before the break must never be refused itself.
      if (at < text.length) expect(jsonBreak(text.slice(0, at))).toBe(at)
    }),
    { numRuns: 5000 },
  )
})

test.each([
  ['{"a":NaN}', 5],
  ['{"a":Infinity}', 5],
  ['{"a":-Infinity}', 5],
  ['{"a":1}}', 7],
  ['{"a":1} {"b":2}', 8],
  ['{"a":1,}', 7],
  ['{"a":[1,]}', 8],
  ['{"a":01}', 5],
  ['{"a":.5}', 5],
  ['{"a":+1}', 5],
  ["{'a':1}", 1],
  ['{a:1}', 1],
  ['{"a" 1}', 5],
  ['{"a":"\\x"}', 6],
  ['{"a":"\\u12g4"}', 6],
  ['{"a":"b\nc"}', 7],
  ['{"a":[1}', 7],
  ['{"a":tru', 8],
  ['{"a":trx', 5],
  ['{"a":1.', 7],
  ['{"a":-', 6],
  ['{"a":1e', 7],
  ['{"a":"\\u00', 10],
  ['{"a":"\\', 7],
  ['', 0],
])('%j breaks at %i', (text, at) => {
  expect(jsonBreak(text)).toBe(at)
})
