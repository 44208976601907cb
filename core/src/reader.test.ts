import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ProtocolError } from './errors.ts'
import { type ReaderOptions, readLines } from './lines.ts'
import { openRecord, type ReadMessage, readMessages } from './reader.ts'

async function* stream(chunks: readonly (Uint8Array | string)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk
}

/** All messages and the error at the end, if there is one. */
async function read(
  chunks: readonly (Uint8Array | string)[],
  options?: ReaderOptions,
): Promise<{ messages: ReadMessage[]; error: ProtocolError | undefined }> {
  const messages: ReadMessage[] = []
  try {
    for await (const group of readMessages(stream(chunks), options)) messages.push(...group)
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(ProtocolError)
    return { messages, error: thrown as ProtocolError }
  }
  return { messages, error: undefined }
}

async function readOne(line: string): Promise<ReadMessage> {
  const { messages, error } = await read([`${line}\n`])
  expect(error).toBeUndefined()
  expect(messages).toHaveLength(1)
  return messages[0]!
}

async function fault(line: Uint8Array | string): Promise<string> {
  const { messages, error } = await read([line])
  expect(messages).toEqual([])
  expect(error?.code).toBe(6)
  return error!.message
}

const RECORD = '{"type":"RECORD","stream":"s","record":{"a":1}}'
const record = (text: string, more = ''): string =>
  `{"type":"RECORD","stream":"s","record":${text}${more}}`

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
  for await (const group of readMessages(input())) seen.push(...group.map(({ type }) => type))
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
    for await (const group of readMessages(input())) seen.push(...group.map(({ type }) => type))
  }).rejects.toThrow('unplugged')
  expect(seen).toEqual(['RECORD'])
})

test.each([
  ['a log line', `${RECORD}\n${RECORD}\nINFO starting\n${RECORD}\n`],
  ['a cut line', `${RECORD}\n${RECORD}\n${RECORD.slice(0, 30)}`],
  ['a too long line', `${RECORD}\n${RECORD}\n${record(JSON.stringify({ a: 'x'.repeat(99) }))}`],
  ['an unknown type', `${RECORD}\n${RECORD}\n{"type":"X"}\n${RECORD}`],
])('messages before %s in the same chunk are still given out', async (_, input) => {
  const { messages, error } = await read([input], { maxLineBytes: 80 })
  expect(messages.map(({ line }) => line)).toEqual([1, 2])
  expect(error?.line).toBe(3)
})

test('every beginning of a line is refused as cut, with its number', async () => {
  const lines = [RECORD, record('{"é":[-1.5e+3,true,null,"\\u00e9\\""]}', ',"version":1')]
  for (const line of lines)
    for (let cut = 1; cut < line.length; cut++) {
      const message = await fault(`\n\n${line.slice(0, cut)}`)
      expect(message).toMatch(/^line 3: the line( of stream 's')? ends inside its JSON$/)
    }
})

test('a cut line says what may have happened', async () => {
  const { error } = await read(['{"type":"RECO'])
  expect(error?.hint).toBe('The program before this one was probably stopped while it wrote.')
})

test.each([
  [
    'inside a text',
    Buffer.concat([
      Buffer.from('{"type":"RECORD","stream":"s","record":{"a":"'),
      Buffer.from([0xff]),
      Buffer.from('"}}'),
    ]),
  ],
  ['a character cut by the end', Buffer.from(record('{"a":"é"}')).subarray(0, -4)],
  [
    'an encoded surrogate',
    Buffer.concat([
      Buffer.from('{"type":"RECORD","stream":"s","record":{"a":"'),
      Buffer.from([0xed, 0xa0, 0x80]),
      Buffer.from('"}}'),
    ]),
  ],
])('invalid UTF-8 (%s) is refused with line and stream', async (_, bytes) => {
  expect(await fault(bytes)).toBe("line 1: the bytes of stream 's' are not valid UTF-8")
})

test('UTF-16, as PowerShell writes it, is refused', async () => {
  expect(await fault(Buffer.from(`\uFEFF${RECORD}\n`, 'utf16le'))).toBe(
    'line 1: the bytes are not valid UTF-8',
  )
})

test('a too long line is refused with stream and number before it is whole', async () => {
  let given = 0
  async function* input(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`${RECORD}\n{"type":"RECORD", "stream" : "año \\"1\\"","record":{"a":"`)
    for (;;) {
      given++
      yield Buffer.alloc(100, 'x')
    }
  }
  await expect(async () => {
    for await (const _ of readMessages(input(), { maxLineBytes: 1000 }));
  }).rejects.toThrow(
    `line 2: the line of stream 'año "1"' is longer than 1000 bytes, the most that one line may hold`,
  )
  expect(given).toBeLessThan(12)
})

test('a line may be as long as is allowed and not a byte longer', async () => {
  const max = RECORD.length
  expect((await read([`${RECORD}\n${RECORD}`], { maxLineBytes: max })).messages).toHaveLength(2)
  expect((await read([`${RECORD}\n${RECORD} `], { maxLineBytes: max })).error?.line).toBe(2)
  expect((await read([RECORD, ' '], { maxLineBytes: max })).error?.line).toBe(1)
})

test('the stream of a line that cannot be parsed is never taken from inside the record', async () => {
  const inside = '{"type":"RECORD","record":{"stream":"river","a":NaN},"stream":"s"}'
  expect(await fault(inside)).not.toMatch(/river/)
  expect((await read([inside], { maxLineBytes: 50 })).error?.message).toMatch(
    /^line 1: the line is longer/,
  )
})

test.each([
  ['INFO starting', '"INFO starting"'],
  ['[2024-01-01 10:00:00] INFO starting', '"[2024-01-01 10:00:00"'],
  ['Traceback (most recent call last):', '"Traceback (most rece"'],
  ['\u001b[32mINFO', '"\\u001b[32mINFO"'],
  ['"cut', '"\\"cut"'],
])('a line that is no JSON (%j) is shown by its beginning', async (line, shown) => {
  const { error } = await read([line])
  expect(error?.message).toBe(`line 1: not a Singer message, it begins with ${shown}`)
  expect(error?.hint).toMatch(/logs to stderr/)
})

test.each(['123', '"text"', 'null', 'true', '[]', '[{"type":"STATE","value":1}]'])(
  'JSON that is no object (%s) is refused',
  async (line) => {
    expect(await fault(line)).toBe('line 1: not a Singer message: not a JSON object')
  },
)

test.each(['NaN', 'Infinity', '-Infinity'])(
  '%s, which Python programs write, is refused with stream, line and place',
  async (word) => {
    const message = await fault(`\n${record(`{"a":${word},"b":1}`)}\n`)
    expect(message).toBe(
      `line 2: the line of stream 's' is not valid JSON from position 44 on: ` +
        JSON.stringify(`${word},"b":1}}`.slice(0, 20)),
    )
  },
)

test('two messages on one line are refused', async () => {
  expect(await fault(`${RECORD}}`)).toMatch(/not valid JSON from position 47 on: "}"$/)
  expect(await fault(RECORD + RECORD)).toMatch(/not valid JSON from position 47 on: "\{/)
})

test.each([
  ['{"stream":"s"}', "line 1: not a Singer message: the object has no 'type'"],
  ['{"type":"FOO"}', /^line 1: unknown message type "FOO"; known are SCHEMA, RECORD, STATE,/],
  ['{"type":"record","stream":"s","record":{}}', /unknown message type "record"/],
  ['{"type":"State","value":{}}', /unknown message type "State"/],
  ['{"type":null}', /unknown message type of kind null/],
  ['{"type":1}', /unknown message type of kind number/],
  [`{"type":${'['.repeat(50_000)}${']'.repeat(50_000)}}`, /unknown message type of an array/],
  [`{"type":"${'x'.repeat(1000)}"}`, /unknown message type "x{60}";/],
  ['{"type":"RECORD","record":{}}', "line 1: a RECORD without 'stream'"],
  ['{"type":"RECORD","stream":1,"record":{}}', "line 1: a RECORD without 'stream'"],
  ['{"type":"RECORD","stream":"","record":{}}', "line 1: 'stream' is an empty name"],
  ['{"type":"SCHEMA","schema":{},"key_properties":[]}', "line 1: a SCHEMA without 'stream'"],
  ['{"type":"BATCH"}', "line 1: a BATCH without 'stream'"],
  ['{"type":"RECORD","stream":"s"}', "line 1: the record of stream 's' is not a JSON object"],
  [
    '{"type":"SCHEMA","stream":"s","schema":[]}',
    "line 1: the SCHEMA of stream 's' has no 'schema' object",
  ],
  ['{"type":"SCHEMA","stream":"s"}', "line 1: the SCHEMA of stream 's' has no 'schema' object"],
  ['{"type":"STATE"}', "line 1: a STATE message has no 'value'"],
  ['{"type":"ACTIVATE_VERSION","version":1}', "line 1: a ACTIVATE_VERSION without 'stream'"],
])('%s is refused', async (line, message) => {
  expect(await fault(line)).toMatch(message)
})

test.each(['null', '[]', '[{"a":1}]', '"{}"', '1', 'true'])(
  'a record that is %s, not an object, is refused',
  async (text) => {
    expect(await fault(record(text))).toBe("line 1: the record of stream 's' is not a JSON object")
  },
)

test.each(['"Id"', '[1]', '[null]', '{"Id":1}', '[["Id"]]', '1'])(
  'key_properties %s are refused',
  async (keys) => {
    expect(await fault(`{"type":"SCHEMA","stream":"s","schema":{},"key_properties":${keys}}`)).toBe(
      "line 1: key_properties of stream 's' is not a list of names",
    )
  },
)

test('a SCHEMA without keys, or with null for them, has none', async () => {
  for (const keys of ['', ',"key_properties":null', ',"key_properties":[]'])
    expect(await readOne(`{"type":"SCHEMA","stream":"s","schema":{}${keys}}`)).toMatchObject({
      keyProperties: [],
    })
})

test.each([
  ['1700000000', '1700000000'],
  ['0', '0'],
  ['-1', '-1'],
  ['9223372036854775807', '9223372036854775807'],
  ['1700000000000000000', '1700000000000000000'],
  ['null', undefined],
])('version %s of a record is kept as %s', async (version, wanted) => {
  expect(await readOne(record('{}', `,"version":${version}`))).toMatchObject({ version: wanted })
})

test.each(['"1"', '1.0', '1.5', '1e3', 'true', '{}', '[1]', '9223372036854775808', '9'.repeat(30)])(
  'version %s of a record is refused, with the stream; of an ACTIVATE_VERSION it is none',
  async (version) => {
    const found = `'version' of stream 's' must be an integer of at most 64 bits, found ${version}`
    expect(await fault(record('{}', `,"version":${version}`))).toBe(`line 1: ${found}`)
    const activation = `{"type":"ACTIVATE_VERSION","stream":"s","version":${version}}`
    expect(await readOne(activation)).toEqual({
      type: 'ACTIVATE_VERSION',
      line: 1,
      stream: 's',
      version: undefined,
    })
  },
)

test('an ACTIVATE_VERSION is read to the digit, and also without a version', async () => {
  expect(
    await readOne('{"type":"ACTIVATE_VERSION","stream":"s","version":9007199254740993}'),
  ).toEqual({ type: 'ACTIVATE_VERSION', line: 1, stream: 's', version: '9007199254740993' })
  for (const more of ['', ',"version":null'])
    expect(await readOne(`{"type":"ACTIVATE_VERSION","stream":"s"${more}}`)).toMatchObject({
      version: undefined,
    })
})

test('a BATCH is passed on with its encoding and manifest', async () => {
  const line =
    '{"type":"BATCH","stream":"s","encoding":{"format":"jsonl","compression":"gzip"},"manifest":["file:///a"]}'
  expect(await readOne(line)).toEqual({
    type: 'BATCH',
    line: 1,
    stream: 's',
    encoding: { format: 'jsonl', compression: 'gzip' },
    manifest: ['file:///a'],
  })
})

test.each(['null', '{}', '0', '""', 'false', '[]', '{"a":1.10}'])(
  'STATE with value %s is a state, kept as text',
  async (text) => {
    expect(await readOne(`{"type":"STATE","value":${text}}`)).toEqual({
      type: 'STATE',
      line: 1,
      text,
      value: JSON.parse(text),
    })
  },
)

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
          const text = (x: string) => `${before}${inside}${after}`.replace(/^\s*\{/, `{"x":"${x}",`)
          const [short, long] = [open(text('')), open(text(LONG))]
          const shown = typeof long === 'object' ? { ...long, x: '' } : long
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
