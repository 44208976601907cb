import { expect, test } from 'vitest'
import { fault, RECORD, read, readOne, record } from '../fixtures/reading.ts'
import { type ReadMessage, readMessages } from './reader.ts'

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

test.each([
  ['is cut inside its record', `${RECORD.slice(0, -3)}, `],
  ['is cut behind it', RECORD.slice(0, -1)],
  ['is followed by something', `${RECORD} x`],
  ['is followed by another brace', `${RECORD}}`],
  ['begins as it but is none', RECORD.replace('{"a":1}', '[1]')],
  ['has another member that counts', `${RECORD.slice(0, -1)},"record":{"b":2}}`],
  ['has bytes that are not UTF-8', Buffer.from(RECORD.replace('1', '"\xff"'), 'latin1')],
  ['is long and cut', record(`{"a":"${'x'.repeat(300_000)}"`)],
])('a line like the one before that %s is judged as if it stood alone', async (_, line) => {
  for (const next of ['"b":2}}', '}', RECORD]) {
    const end = Buffer.concat([Buffer.from('\n'), Buffer.from(line), Buffer.from(`\n${next}\n`)])
    const alone = await read([Buffer.concat([Buffer.from('\n'), end])])
    const after = await read([Buffer.concat([Buffer.from(`${RECORD}\n${RECORD}`), end])])
    const textOf = (message: ReadMessage) => message.type === 'RECORD' && message.text
    expect(after.error?.message).toBe(alone.error?.message)
    expect(after.messages.slice(2).map(textOf)).toEqual(alone.messages.map(textOf))
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
    for await (const group of readMessages(input(), { maxLineBytes: 1000 })) for (const _ of group);
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
