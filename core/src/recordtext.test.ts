import fc from 'fast-check'
import { expect, test } from 'vitest'
import { read, readOne, record } from '../fixtures/reading.ts'
import { openRecord } from './reader.ts'

const EXACT = [
  '{"a":1.10}',
  '{"a":12345678901234567890.12345678901234567890}',
  `{"a":${'9'.repeat(30)}}`,
  '{"a":1e400,"b":-0,"c":1E+2}',
  '{ "a" : 1 ,\t"b":[ 1 , 2 ] }',
  '{"a":"\\u0041\\/\\ud83d\\ude00\\ud800\\u0000"}',
  '{"a":1,"a":2,"\\u0061":3}',
  '{"record":{"record":{"value":1}},"type":"x","stream":"y"}',
  '{"rec\\"ord":1,"\\\\":2,"}":"}","\\\\\\"":"{\\\\"}',
  '{"":"","é😀":"日本\u2028\u007f"}',
  '{"__proto__":{"a":1},"constructor":null}',
  '{}',
  '{ }',
]

test.each(EXACT)('the text of record and value %s is kept to the letter', async (text) => {
  const found = await readOne(record(text, ',"time_extracted":"x"'))
  expect(found).toMatchObject({ text, record: JSON.parse(text), timeExtracted: 'x' })
  const spaced = await readOne(` { "record" :  ${text} , "type":"RECORD" , "stream":"s" } `)
  expect(spaced).toMatchObject({ text })
  expect(await readOne(`{"type":"STATE","value":${text}}`)).toMatchObject({ text })
  expect(await readOne(`{"value" : ${text} , "type":"STATE"}`)).toMatchObject({ text })
})

test("the spans of a record's members cut its text", async () => {
  const found = await readOne(record('{ "\\u0061" : 1.10 , "b":{"c":[1]} }'))
  if (found.type !== 'RECORD') throw new Error('no record')
  expect(found.members.map(({ name, start, end }) => [name, found.text.slice(start, end)])).toEqual(
    [
      ['a', '1.10'],
      ['b', '{"c":[1]}'],
    ],
  )
})

test('of several members with one name the last counts, also when it is escaped', async () => {
  expect(
    await readOne(`{"type":"X","type":"RECORD","stream":"s","record":[],"\\u0072ecord":{"a":2}}`),
  ).toMatchObject({ type: 'RECORD', text: '{"a":2}', record: { a: 2 } })
  expect(await readOne('{"type":"STATE","value":1,"value":2.0}')).toMatchObject({ text: '2.0' })
})

test.each([20_000, 500_000])('a record nested %i deep is read', async (depth) => {
  const text = `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`
  const found = await readOne(record(text))
  expect(found.type === 'RECORD' && found.text === text).toBe(true)
})

/** Longer than what is parsed as a whole. */
const LONG = 'x'.repeat(300_000)

test('a long record is read as a short one is', async () => {
  const text = `{"Id":1.10,"__proto__":{"a":[]},"x":"${LONG}","Id":12345678901234567890}`
  const line = `{"version":1700000000000,"type":"RECORD","time_extracted":"2024-01-01T00:00:00Z","record":${text},"stream":"s"}`
  const found = await readOne(line)
  if (found.type !== 'RECORD') throw new Error(found.type)
  expect(found.text === text).toBe(true)
  expect(found.members.map(({ name }) => name)).toEqual(['Id', '__proto__', 'x', 'Id'])
  expect(found.record).toEqual(JSON.parse(text))
  const { stream: name, version, timeExtracted } = found
  expect([name, version, timeExtracted]).toEqual(['s', '1700000000000', '2024-01-01T00:00:00Z'])
})

test.each([
  ['{"a":1', 'ends inside its JSON'],
  ['{"a":[1,2', 'ends inside its JSON'],
  ['{"a":tru}}', 'is not valid JSON from position'],
  ['{"a":01}}', 'is not valid JSON from position'],
  ['{"a":1}}}', 'is not valid JSON from position'],
  ['{"a":"\t"}}', 'is not valid JSON from position'],
  ['[{}]}', 'is not a JSON object'],
  ['null}', 'is not a JSON object'],
])('a long line with the record %s is refused as a short one is', async (rest, why) => {
  for (const x of ['x', LONG]) {
    const line = `{"type":"RECORD","stream":"s","x":"${x}","record":${rest}`
    const { messages, error } = await read([line])
    expect([messages, error?.message]).toEqual([[], expect.stringContaining(why)])
  }
})

test('a long text is found to be JSON wherever JSON.parse takes it, and nowhere else', () => {
  const open = (text: string): unknown => {
    try {
      return openRecord(text)?.record
    } catch {
      return 'no JSON'
    }
  }
  // Not one that the others may have as well.
  const NAME = 'the long text'
  const value = fc.json({ maxDepth: 4 })
  const cut = fc.tuple(
    value,
    fc.nat(),
    fc.constantFrom('', '"', '}', ',', '\\', ':', 'e', '0', '\n'),
  )
  fc.assert(
    fc.property(cut, ([json, at, put]) => {
      const place = at % (json.length + 1)
      for (const inside of [json, json.slice(0, place) + put + json.slice(place + 1)])
        for (const [before, after] of [
          ['{"a":', '}'],
          ['', ''],
        ]) {
          const text = (x: string) =>
            `${before}${inside}${after}`.replace(/^\s*\{/, `{"${NAME}":"${x}",`)
          const [short, long] = [open(text('')), open(text(LONG))]
          const shown = typeof long === 'object' ? { ...long, [NAME]: '' } : long
          expect(shown).toEqual(short)
        }
    }),
    { numRuns: 100 },
  )
})

test('a long line in small chunks costs time in proportion, not by the square', async () => {
  const text = `{"a":"${'x'.repeat(8 * 1024 * 1024)}"}`
  const bytes = Buffer.from(record(text))
  const chunks = Array.from({ length: bytes.length / 1024 + 1 }, (_, at) =>
    bytes.subarray(at * 1024, at * 1024 + 1024),
  )
  const begin = performance.now()
  const { messages } = await read(chunks)
  expect(messages).toHaveLength(1)
  // By the square it would take minutes.
  expect(performance.now() - begin).toBeLessThan(10_000)
})
