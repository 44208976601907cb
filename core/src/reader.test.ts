import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RECORD, read, stream } from '../fixtures/reading.ts'
import { readLines } from './lines.ts'
import { readMessages } from './reader.ts'

const INPUT = [
  '\uFEFF{"type":"SCHEMA","stream":"año","schema":{"type":"object"},"key_properties":["Id"]}\r',
  '',
  '{"type":"RECORD","stream":"año","record":{"Id":"😀é\u2028","n":1.10}}',
  ' \t \r',
  '{"type":"STATE","value":{"ü":"日本"}}',
].join('\n')

const WANTED = [
  {
    type: 'SCHEMA',
    line: 1,
    stream: 'año',
    schema: { type: 'object' },
    keyProperties: ['Id'],
  },
  {
    type: 'RECORD',
    line: 3,
    stream: 'año',
    text: '{"Id":"😀é\u2028","n":1.10}',
    members: [
      { name: 'Id', nameStart: 1, start: 6, end: 12 },
      { name: 'n', nameStart: 13, start: 17, end: 21 },
    ],
    record: { Id: '😀é\u2028', n: 1.1 },
    timeExtracted: undefined,
    version: undefined,
  },
  { type: 'STATE', line: 5, text: '{"ü":"日本"}', value: { ü: '日本' } },
]

test('every split of the bytes in two gives the same messages', async () => {
  const bytes = Buffer.from(INPUT)
  for (let cut = 0; cut <= bytes.length; cut++) {
    const { messages, error } = await read([bytes.subarray(0, cut), bytes.subarray(cut)])
    expect(error).toBeUndefined()
    expect(messages).toEqual(WANTED)
  }
})

test('any split of the bytes in many, down to single ones, gives the same messages', async () => {
  const bytes = Buffer.from(INPUT)
  expect((await read(Array.from(bytes, (byte) => Uint8Array.of(byte)))).messages).toEqual(WANTED)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(bytes.length)), async (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), bytes.length]
      const chunks = places.slice(1).map((end, at) => bytes.subarray(places[at], end))
      expect((await read(chunks)).messages).toEqual(WANTED)
    }),
  )
})

test('a plain Uint8Array that is a window of a larger buffer is read as that window', async () => {
  const whole = new TextEncoder().encode(`xx${RECORD}\nyy`)
  const { messages } = await read([whole.subarray(2, whole.length - 2)])
  expect(messages).toHaveLength(1)
})

test('no input, or nothing but blank lines, is no message and no fault', async () => {
  for (const chunks of [[], [''], ['\n\n'], ['\r\n \t\r\n'], ['\uFEFF'], ['\uFEFF\n'], [' ']])
    expect(await read(chunks)).toEqual({ messages: [], error: undefined })
})

test('the last line needs no newline', async () => {
  for (const end of ['', '\n', '\r', '\r\n', '\n\n'])
    expect((await read([RECORD + end])).messages).toHaveLength(1)
})

test('a byte order mark is accepted also where files were put together', async () => {
  const { messages, error } = await read([`\uFEFF${RECORD}\n`, `\uFEFF${RECORD}\n`])
  expect(error).toBeUndefined()
  expect(messages.map(({ line }) => line)).toEqual([1, 2])
})

test('lines are given out with the bytes between the newlines, and their numbers', async () => {
  const lines = []
  for await (const group of readLines(stream(['a\r', '\n\n b', ' \nc\nd', 'e\nf'])))
    lines.push(...group.map(({ number, bytes }) => [number, bytes.toString()]))
  expect(lines).toEqual([
    [1, 'a'],
    [3, ' b '],
    [4, 'c'],
    [5, 'de'],
    [6, 'f'],
  ])
})

test('messages are given out chunk by chunk, not at the end of the input', async () => {
  const seen: string[] = []
  async function* input(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`${RECORD}\n${RECORD}\n{"type"`)
    seen.push('asked for more')
    yield Buffer.from(`:"STATE","value":1}\n`)
  }
  for await (const group of readMessages(input())) for (const { type } of group) seen.push(type)
  expect(seen).toEqual(['RECORD', 'RECORD', 'asked for more', 'STATE'])
})

test('who stops reading ends the input', async () => {
  let isEnded = false
  async function* input(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield Buffer.from(`${RECORD}\n`)
    } finally {
      isEnded = true
    }
  }
  for await (const _ of readMessages(input())) break
  expect(isEnded).toBe(true)
})

test('a failure of the input is passed on, after the messages before it', async () => {
  async function* input(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`${RECORD}\n`)
    throw new Error('unplugged')
  }
  const seen: string[] = []
  await expect(async () => {
    for await (const group of readMessages(input())) for (const { type } of group) seen.push(type)
  }).rejects.toThrow('unplugged')
  expect(seen).toEqual(['RECORD'])
})
