import { beforeEach, expect, test } from 'vitest'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { load, record, rowsOf, schema, state } from '../fixtures/trial.ts'

let database: string

beforeEach(async () => {
  database = await testDatabase()
})

test('ids are texts, digits as sent, arrays of several keys', async () => {
  await load(database, [
    schema('one', ['k']),
    '{"type":"RECORD","stream":"one","record":{"k":9007199254740993}}',
    '{"type":"RECORD","stream":"one","record":{"k":9007199254740992}}',
    '{"type":"RECORD","stream":"one","record":{"k":1.10}}',
    schema('two', ['b', 'a']),
    '{"type":"RECORD","stream":"two","record":{"a":"x,\\u00e9","b":12345678901234567890}}',
  ])
  const ids = (await rowsOf(database, 'raw.one', 'id')).map((row) => row.id)
  expect(ids).toEqual(['1.10', '9007199254740992', '9007199254740993'])
  expect(await rowsOf(database, 'raw.two', 'id')).toEqual([{ id: '[12345678901234567890,"x,é"]' }])
})

test('a keyless stream loaded again changes nothing', async () => {
  const input = [
    schema('log', []),
    record('log', { a: 1 }),
    record('log', { a: 2 }),
    record('log', { a: 1 }),
  ]
  await load(database, input)
  const { log } = await load(database, input)
  expect(log).toContain(
    "stream 'log' (log): inserted 0, updated 0, unchanged 3, older 0, deleted 0",
  )
  expect(await rowsOf(database, 'raw.log')).toHaveLength(2)
})

test.each([
  ['missing', {}],
  ['null', { Id: null }],
  ['an object', { Id: { a: 1 } }],
  ['an array', { Id: ['1'] }],
])(
  'a key that is %s is bad input with stream and line, and what came before is stored',
  async (_, bad) => {
    const { code, states, fault } = await load(database, [
      schema('s'),
      record('s', { Id: 1 }),
      state({ n: 1 }),
      record('s', bad),
      state({ n: 2 }),
    ])
    expect(code).toBe(6)
    expect(fault?.message).toMatch(/^line 4: a record of stream 's' .* key 'Id'$/)
    expect(states).toEqual(['{"n":1}'])
    expect(await rowsOf(database, 'raw.s', 'id')).toEqual([{ id: '1' }])
  },
)

test('a key list that changes is bad input with both named, in a run and between runs', async () => {
  const within = await load(database, [schema('s', ['a']), schema('s', ['a', 'b'])])
  expect([within.code, within.fault?.message]).toEqual([
    6,
    `line 2: key_properties of stream 's' were ["a"] and are now ["a","b"]`,
  ])
  const between = await load(database, [schema('s', ['b'])])
  expect([between.code, between.fault?.message]).toEqual([
    6,
    `line 1: key_properties of stream 's' were ["a"] and are now ["b"]`,
  ])
})

test('two keys that would meet are bad input, in a batch and between loads', async () => {
  const send = (...ids: string[]) =>
    load(database, [
      schema('s'),
      ...ids.map((id) => `{"type":"RECORD","stream":"s","record":{"Id":"${id}"}}`),
    ])
  const within = await send('a\\u0000', 'a\\ud800')
  expect([within.code, within.fault?.message]).toEqual([
    6,
    expect.stringContaining('line 3: two keys'),
  ])
  expect((await send('a\\u0000')).code).toBe(0)
  expect((await send('a\\ufffd')).code).toBe(6)
  expect((await send('b\\ufffd')).code).toBe(0)
  expect((await send('b\\ufffd')).code).toBe(0)
  expect((await send('b\\ud9ab')).code).toBe(6)
})

test.each(['k\\u0000', 'k\\ud800'])('a key named %s is bad input', async (key) => {
  for (const payload_type of ['jsonb', 'json']) {
    const { code, fault } = await load(
      database,
      [schema('t'), `{"type":"SCHEMA","stream":"s","schema":{},"key_properties":["Id","${key}"]}`],
      { settings: { payload_type } },
    )
    expect([code, fault?.message]).toEqual([
      6,
      expect.stringContaining(`line 2: key_properties of stream 's' has the name "${key}"`),
    ])
  }
})
