import { beforeEach, expect, test } from 'vitest'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { load, record, rowsOf, schema, state } from '../fixtures/trial.ts'

let database: string

beforeEach(async () => {
  database = await testDatabase()
})

test('what Postgres cannot store is replaced, kept in payload_source, and warned of once', async () => {
  const texts = [
    String.raw`{"Id":"1","a":"x\u0000","b":[{"c\ud800":"\udc00y"}],"d":"\\u0000"}`,
    String.raw`{"Id":"2\u0000","a":"\ud83d\ude00"}`,
    '{"Id":"3","a":"fine"}',
  ]
  const lines = texts.map((text) => `{"type":"RECORD","stream":"s","record":${text}}`)
  const { code, log } = await load(database, [schema('s'), ...lines])
  expect(code).toBe(0)
  expect(await rowsOf(database, 'raw.s', 'id, payload, payload_source')).toEqual([
    {
      id: '1',
      payload: { Id: '1', a: 'x�', b: [{ 'c�': '�y' }], d: '\\u0000' },
      payload_source: texts[0],
    },
    { id: '2�', payload: { Id: '2�', a: '😀' }, payload_source: texts[1] },
    { id: '3', payload: { Id: '3', a: 'fine' }, payload_source: null },
  ])
  expect(log.match(/WARNING/g)).toHaveLength(1)
  expect(log).toContain('characters were replaced in 2 records')
  const again = await load(database, [schema('s'), ...lines])
  expect(again.log).toContain('updated 0, unchanged 3')
})

test('with payload_type json the payload is kept to the letter', async () => {
  const text = String.raw`{"Id":"1", "a":"\u0000", "n":1.10, "n":  2, "_x":[1 ,2]}`
  const input = [schema('s'), `{"type":"RECORD","stream":"s","record":${text}}`]
  const settings = { payload_type: 'json' }
  expect((await load(database, input, { settings })).code).toBe(0)
  expect(await rowsOf(database, 'raw.s', 'payload::text, payload_source')).toEqual([
    { payload: text, payload_source: null },
  ])
  const again = await load(database, input)
  expect(again.log).toContain('updated 0, unchanged 1')
})

const deep = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`

test.each([
  ['a number that is too large', '{"Id":"bad","n":1e200000}', 'value overflows'],
  ['nesting of 20,000', `{"Id":"bad","n":${deep(20_000)}}`, 'stack depth limit exceeded'],
])(
  '%s is bad input with stream, line and id, and what came before is stored',
  async (_, bad, why) => {
    const wide = Array.from({ length: 300 }, (_, n) =>
      record('s', { Id: `x${n}`, x: 'x'.repeat(2000) }),
    )
    const { code, states, fault } = await load(database, [
      schema('s'),
      ...wide,
      record('s', { Id: 'twice', v: 1 }),
      state({ n: 1 }),
      `{"type":"RECORD","stream":"s","record":${bad}}`,
      record('s', { Id: 'twice', v: 2 }),
      ...wide,
      state({ n: 2 }),
    ])
    expect(code).toBe(6)
    expect(fault?.message).toContain(
      "line 304: Postgres refuses the record of stream 's' with id 'bad'",
    )
    expect(fault?.message).toContain(why)
    expect(states).toEqual(['{"n":1}'])
    expect(await rowsOf(database, 'raw.s')).toHaveLength(301)
    expect(await rowsOf(database, "raw.s where id = 'twice'", "payload->>'v' as v")).toEqual([
      { v: '1' },
    ])
  },
)

test('a SCHEMA that is nested 20,000 deep is bad input with stream and line', async () => {
  for (const validate_records of [false, true]) {
    const { code, states, fault } = await load(
      database,
      [
        schema('s'),
        record('s', { Id: 1 }),
        state({ n: 1 }),
        `{"type":"SCHEMA","stream":"deep","schema":{"a":${deep(20_000)}},"key_properties":["Id"]}`,
      ],
      { settings: { validate_records } },
    )
    expect([code, states, fault?.message]).toEqual([
      6,
      ['{"n":1}'],
      "line 4: the schema of stream 'deep' is nested too deep",
    ])
  }
})

test.each([
  ['NaN', Buffer.from('{"type":"RECORD","stream":"s","record":{"Id":NaN}}\n')],
  [
    'invalid UTF-8',
    Buffer.from('{"type":"RECORD","stream":"s","record":{"Id":"\xe9"}}\n', 'latin1'),
  ],
  ['a line that ends inside JSON', Buffer.from('{"type":"RECORD","stream":"s","reco')],
  ['an unknown type', Buffer.from('{"type":"record","stream":"s","record":{"Id":"1"}}\n')],
  ['a record that is no object', Buffer.from('{"type":"RECORD","stream":"s","record":[1]}\n')],
  ['a STATE without value', Buffer.from('{"type":"STATE"}\n')],
  [
    'a RECORD before its SCHEMA',
    Buffer.from('{"type":"RECORD","stream":"other","record":{"Id":"1"}}\n'),
  ],
  ['a log line', Buffer.from('INFO starting\n')],
])('%s is bad input with its line, and what came before is stored', async (_, bad) => {
  const good = `${JSON.stringify(schema('s'))}\n\n${JSON.stringify(record('s', { Id: 1 }))}\n${JSON.stringify(state({ n: 1 }))}\n`
  const { code, states, fault } = await load(database, Buffer.concat([Buffer.from(good), bad]))
  expect([code, states]).toEqual([6, ['{"n":1}']])
  expect(fault?.message).toMatch(/^line 5: /)
  expect(await rowsOf(database, 'raw.s', 'id')).toEqual([{ id: '1' }])
})

test('blank lines, CRLF, a byte order mark and a missing last newline are accepted', async () => {
  const lines = [schema('s'), record('s', { Id: 1 }), state({ n: 1 })].map((line) =>
    JSON.stringify(line),
  )
  const { code, states } = await load(database, `\ufeff${lines.join('\r\n\r\n  \n')}`)
  expect([code, states]).toEqual([0, ['{"n":1}']])
})

test('What QuickBooks sent is what is stored: decimals to the last digit, unknown fields, absent ones', async () => {
  const text =
    '{"a": 1.10, "b": 0.123456789012345678901234567890, "c": 12345678901234567890.12, "Id": "1", "new": null}'
  await load(database, [schema('s'), `{"type":"RECORD","stream":"s","record":${text}}`])
  expect(await rowsOf(database, 'raw.s', 'payload::text')).toEqual([{ payload: text }])
})

test('unusable origin members leave their columns empty, stay in the payload and are warned of once', async () => {
  const bad = { _sdc_deleted_at: 'yesterday', _sdc_page_number: 'two' }
  const { code, log } = await load(database, [
    schema('s'),
    record('s', { Id: 1, ...bad }, { time_extracted: 'now' }),
    record('s', { Id: 2, ...bad }, { time_extracted: 5 }),
  ])
  expect(code).toBe(0)
  expect(log.match(/WARNING stream 's', line 2/g)).toHaveLength(3)
  expect(log.match(/WARNING/g)).toHaveLength(3)
  expect(
    await rowsOf(database, 'raw.s', 'payload, page_number, deleted_at_utc, extracted_at_utc'),
  ).toEqual(
    [1, 2].map((Id) => ({
      payload: { Id, ...bad },
      page_number: null,
      deleted_at_utc: null,
      extracted_at_utc: null,
    })),
  )
})
