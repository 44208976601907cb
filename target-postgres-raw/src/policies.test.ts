import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { beforeEach, expect, test } from 'vitest'
import { ask } from '../../dev/postgres.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { load, record, rowsOf, schema, state } from '../fixtures/trial.ts'

let database: string

beforeEach(async () => {
  database = await testDatabase()
})

const at = (day: number) => ({ time_extracted: `2024-01-0${day}T00:00:00Z` })

test('a stream becomes a table of the documented shape', async () => {
  const { code, states } = await load(database, [
    schema('invoices'),
    record(
      'invoices',
      {
        Id: '1',
        _sdc_extract_window_start_utc: '2024-01-01T00:00:00Z',
        _sdc_extract_window_end_utc: '2024-01-31T00:00:00+00:00',
        _sdc_page_number: 2,
        _sdc_page_size: 1000,
        _sdc_request_payload: { method: 'GET' },
      },
      { version: 5, ...at(1) },
    ),
    state({ at: 1 }),
  ])
  expect([code, states]).toEqual([0, ['{"at":1}']])
  const columns = await ask(
    database,
    `select column_name as name, data_type as type, is_nullable as null from information_schema.columns
      where table_schema = 'raw' and table_name = 'invoices' order by ordinal_position`,
  )
  expect(columns.map(({ name, type, null: empty }) => `${name} ${type} ${empty}`)).toEqual([
    'id text NO',
    'payload jsonb NO',
    'ingested_at_utc timestamp with time zone NO',
    'extract_window_start_utc timestamp with time zone YES',
    'extract_window_end_utc timestamp with time zone YES',
    'page_number integer YES',
    'page_size integer YES',
    'request_payload jsonb YES',
    'extracted_at_utc timestamp with time zone YES',
    'deleted_at_utc timestamp with time zone YES',
    'version bigint YES',
    'payload_source text YES',
  ])
  const [row] = await rowsOf(
    database,
    'raw.invoices',
    "id, payload::text, page_number, page_size, request_payload, version, payload_source, deleted_at_utc, extracted_at_utc, extract_window_start_utc as w0, extract_window_end_utc as w1, ingested_at_utc > now() - interval '1 minute' as fresh",
  )
  expect(row).toEqual({
    id: '1',
    payload: '{"Id": "1"}',
    page_number: 2,
    page_size: 1000,
    request_payload: { method: 'GET' },
    version: '5',
    payload_source: null,
    deleted_at_utc: null,
    extracted_at_utc: new Date('2024-01-01T00:00:00Z'),
    w0: new Date('2024-01-01T00:00:00Z'),
    w1: new Date('2024-01-31T00:00:00Z'),
    fresh: true,
  })
})

test('streams that meet in one table name get tables of their own', async () => {
  const streams = [
    'Users',
    'users',
    'us-ers',
    'us.ers',
    'x'.repeat(63),
    'x'.repeat(64),
    `${'x'.repeat(64)}y`,
    '_singer_state',
    '"; drop schema raw cascade; --',
    "'",
    '日本',
    '../etc',
    'select',
  ]
  const { code, log } = await load(
    database,
    streams.flatMap((stream) => [schema(stream), record(stream, { Id: stream })]),
  )
  expect(log).not.toContain('CRITICAL')
  expect(code).toBe(0)
  const tables = await ask(database, 'select * from raw._singer_streams')
  expect(new Set(tables.map((row) => row.table_name)).size).toBe(streams.length)
  expect(tables.map((row) => row.stream).sort()).toEqual([...streams].sort())
  for (const { stream, table_name, key_properties } of tables) {
    expect(Buffer.byteLength(table_name)).toBeLessThanOrEqual(63)
    expect(key_properties).toEqual(['Id'])
    expect(await rowsOf(database, `raw."${table_name}"`, 'id')).toEqual([{ id: stream }])
  }
  expect(tables.find((row) => row.stream === 'Users')?.table_name).toBe('users')
  expect(tables.find((row) => row.stream === 'users')?.table_name).toMatch(/^users_[0-9a-f]{8}$/)
  const again = await load(
    database,
    [...streams].reverse().flatMap((stream) => [schema(stream), record(stream, { Id: stream })]),
  )
  expect(again.code).toBe(0)
  expect(await ask(database, 'select * from raw._singer_streams')).toHaveLength(streams.length)
  expect(again.log).toContain("stream 'Users' (users): inserted 0, updated 0, unchanged 1,")
})

test('schema and prefix may hold any characters', async () => {
  const settings = { default_target_schema: 'My "raw"; --', table_prefix: 'Ünï"\';' }
  const { code } = await load(database, [schema('a'), record('a', { Id: 1 })], { settings })
  expect(code).toBe(0)
  expect(await rowsOf(database, '"My ""raw""; --"."Ünï""\';a"', 'id')).toEqual([{ id: '1' }])
})

test('two prefixes in one schema keep streams of one name apart', async () => {
  for (const prefix of ['a_', 'b_'])
    await load(database, [schema('users'), record('users', { Id: prefix })], {
      settings: { table_prefix: prefix },
    })
  expect(await rowsOf(database, 'raw.a_users', 'id')).toEqual([{ id: 'a_' }])
  expect(await rowsOf(database, 'raw.b_users', 'id')).toEqual([{ id: 'b_' }])
})

test('an empty stream name is bad input', async () => {
  const { code, fault } = await load(database, [schema('')])
  expect([code, fault?.message]).toEqual([6, expect.stringMatching(/^line 1: .*empty/)])
})

test('a table that the Mage pipelines left is taken over with its rows', async () => {
  await ask(database, 'create schema raw')
  await ask(
    database,
    `create table raw.qb_invoices (id text primary key, payload jsonb,
       ingested_at_utc timestamp not null default now(), extract_window_start_utc timestamptz not null,
       extract_window_end_utc timestamptz not null, page_number int, page_size int, request_payload jsonb)`,
  )
  await ask(
    database,
    `insert into raw.qb_invoices values ('1', '{"Id":"1"}', now(), now(), now()), ('2', '{"Id":"2"}', now(), now(), now())`,
  )
  const { code, log } = await load(
    database,
    [schema('invoices'), record('invoices', { Id: '2', a: 1 }), record('invoices', { Id: '3' })],
    { settings: { table_prefix: 'qb_' } },
  )
  expect([code, log]).toEqual([0, expect.stringContaining('inserted 1, updated 1, unchanged 0')])
  expect(await rowsOf(database, 'raw.qb_invoices')).toEqual([
    { id: '1', payload: '{"Id": "1"}' },
    { id: '2', payload: '{"a": 1, "Id": "2"}' },
    { id: '3', payload: '{"Id": "3"}' },
  ])
})

test('a table that does not fit is refused, saying what does not fit', async () => {
  await ask(database, 'create schema raw')
  await ask(database, 'create table raw.invoices (id int primary key, payload text)')
  const { code, fault } = await load(database, [schema('invoices')])
  expect(code).toBe(5)
  expect(fault?.message).toBe(
    "table raw.invoices stands already and does not fit: column 'id' is int4, not text; column 'payload' is text, not jsonb or json",
  )
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

test('An older version of a row never replaces a newer one', async () => {
  const versions = [
    record('s', { Id: 1, v: 'new' }, { time_extracted: '2024-01-02T00:00:00+02:00' }),
    record('s', { Id: 1, v: 'old' }, { time_extracted: '2024-01-01T21:59:59.999999Z' }),
  ]
  for (const order of [versions, [...versions].reverse()])
    for (const batch_size_rows of [1, 10]) {
      const fresh = await testDatabase()
      const { log } = await load(fresh, [schema('s'), ...order], { settings: { batch_size_rows } })
      expect(await rowsOf(fresh, 'raw.s', "payload->>'v' as v")).toEqual([{ v: 'new' }])
      expect(log).toContain(order === versions ? 'older 1,' : 'older 0,')
    }
})

test('of the same instant, or without a usable time, the later in the stream wins', async () => {
  const pairs = [
    [at(1), { time_extracted: '2024-01-01T01:00:00.000+01:00' }],
    [{}, at(1)],
    [at(1), {}],
    [at(1), { time_extracted: 'soon' }],
  ]
  for (const [first, second] of pairs)
    for (const batch_size_rows of [1, 10]) {
      const fresh = await testDatabase()
      await load(
        fresh,
        [schema('s'), record('s', { Id: 1, v: 1 }, first), record('s', { Id: 1, v: 2 }, second)],
        { settings: { batch_size_rows } },
      )
      expect(await rowsOf(fresh, 'raw.s', "payload->>'v' as v")).toEqual([{ v: '2' }])
    }
})

test('Running the same window again changes nothing', async () => {
  const input = (day: number) => [
    schema('s'),
    ...Array.from({ length: 500 }, (_, n) =>
      record('s', { Id: n, x: 'y'.repeat(n * 10) }, at(day)),
    ),
    '{"type":"RECORD","stream":"s","record":{"Id":"d","x":1.10}}',
  ]
  await load(database, input(1))
  const place = 'id, ctid::text, xmin::text, ingested_at_utc, extracted_at_utc'
  const before = await rowsOf(database, 'raw.s', place)
  const { log } = await load(database, input(2))
  expect(log).toContain('inserted 0, updated 0, unchanged 501, older 0, deleted 0')
  expect(await rowsOf(database, 'raw.s', place)).toEqual(before)
  const changed = await load(database, [
    schema('s'),
    '{"type":"RECORD","stream":"s","record":{"Id":"d","x":1.1}}',
  ])
  expect(changed.log).toContain('inserted 0, updated 1, unchanged 0')
})

test('the same payload under a new version is only noted', async () => {
  const what = 'version, extracted_at_utc, ingested_at_utc, page_number'
  const send = (page: number, version: number, day: number) =>
    load(database, [
      schema('s'),
      record('s', { Id: 1, _sdc_page_number: page }, { version, ...at(day) }),
    ])
  await send(1, 1, 1)
  const [before] = await rowsOf(database, 'raw.s', what)
  const { log } = await send(2, 2, 2)
  expect(log).toContain('updated 0, unchanged 1')
  expect(await rowsOf(database, 'raw.s', what)).toEqual([{ ...before, version: '2' }])
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

test('ACTIVATE_VERSION marks the rows of lower and of no version', async () => {
  await load(database, [
    schema('s'),
    record('s', { Id: 'none' }),
    record('s', { Id: 'old' }, { version: 1 }),
    record('s', { Id: 'both' }, { version: 1 }),
    record('s', { Id: 'later' }, { version: 3 }),
  ])
  const { code, log } = await load(database, [
    { type: 'ACTIVATE_VERSION', stream: 'unknown', version: 2 },
    { type: 'ACTIVATE_VERSION', stream: 's', version: 2 },
    schema('s'),
    { type: 'ACTIVATE_VERSION', stream: 's', version: 2 },
    record('s', { Id: 'both' }, { version: 2 }),
    { type: 'ACTIVATE_VERSION', stream: 's', version: 2 },
  ])
  expect([code, log]).toEqual([0, expect.stringContaining('unchanged 1, older 0, deleted 2')])
  const marked = await rowsOf(database, 'raw.s', 'id, deleted_at_utc is not null as deleted')
  expect(marked).toEqual([
    { id: 'both', deleted: false },
    { id: 'later', deleted: false },
    { id: 'none', deleted: true },
    { id: 'old', deleted: true },
  ])
})

test('what an ACTIVATE_VERSION without a SCHEMA marks is in the end report', async () => {
  await load(database, [
    schema('s'),
    record('s', { Id: 1 }, { version: 1 }),
    record('s', { Id: 2 }, { version: 2 }),
  ])
  const activation = { type: 'ACTIVATE_VERSION', stream: 's', version: 2 }
  const { code, log } = await load(database, [activation, state({ n: 1 })])
  expect([code, log]).toEqual([
    0,
    expect.stringContaining("stream 's' (s): inserted 0, updated 0,"),
  ])
  expect(log).toContain('unchanged 0, older 0, deleted 1\n')
})

test.each([
  ['dropped', 'select 1'],
  ['replaced by a view', 'create view raw.s as select 1 as version'],
  ['replaced by a table', 'create table raw.s (version text)'],
])('an ACTIVATE_VERSION of a table that was %s does nothing', async (_, statement) => {
  await load(database, [schema('s'), record('s', { Id: 1 })])
  await ask(database, 'drop table raw.s')
  await ask(database, statement)
  const activation = { type: 'ACTIVATE_VERSION', stream: 's', version: 2 }
  const { code, states } = await load(database, [activation, state({ n: 1 })])
  expect([code, states]).toEqual([0, ['{"n":1}']])
})

test.each(['"x"', undefined, 'null', '1.5', '99999999999999999999999'])(
  'an ACTIVATE_VERSION with version %s does nothing and is warned of once',
  async (version) => {
    const more = version === undefined ? '' : `,"version":${version}`
    const activation = `{"type":"ACTIVATE_VERSION","stream":"s"${more}}`
    const { code, states, log } = await load(database, [
      activation,
      schema('s'),
      record('s', { Id: 1 }),
      activation,
      record('s', { Id: 2 }, { version: 1 }),
      state({ n: 1 }),
    ])
    expect([code, states]).toEqual([0, ['{"n":1}']])
    expect(await rowsOf(database, 'raw.s', 'id, deleted_at_utc')).toEqual([
      { id: '1', deleted_at_utc: null },
      { id: '2', deleted_at_utc: null },
    ])
    expect(log.match(/WARNING/g)).toHaveLength(1)
    expect(log).toContain("stream 's', line 1: an ACTIVATE_VERSION without a usable 'version'")
  },
)

test('a row of the new version that comes from an older page is not marked deleted', async () => {
  await load(database, [schema('s'), record('s', { Id: 'x', v: 1 }, { version: 1, ...at(5) })])
  await load(database, [
    schema('s'),
    record('s', { Id: 'x', v: 2 }, { version: 2, ...at(4) }),
    record('s', { Id: 'y' }, { version: 2, ...at(4) }),
    { type: 'ACTIVATE_VERSION', stream: 's', version: 2 },
  ])
  expect(await rowsOf(database, 'raw.s', "id, payload->>'v' as v, deleted_at_utc")).toEqual([
    { id: 'x', v: '1', deleted_at_utc: null },
    { id: 'y', v: null, deleted_at_utc: null },
  ])
})

test('a mark of an ACTIVATE_VERSION that comes first in its run is cleared by the record after it', async () => {
  await load(database, [
    schema('s'),
    record('s', { Id: 'x' }, { version: 1, ...at(1) }),
    record('s', { Id: 'y' }, { version: 2, ...at(1) }),
  ])
  await load(database, [
    schema('s'),
    { type: 'ACTIVATE_VERSION', stream: 's', version: 2 },
    record('s', { Id: 'x' }, { version: 2, ...at(2) }),
  ])
  expect(await rowsOf(database, 'raw.s', 'id, deleted_at_utc')).toEqual([
    { id: 'x', deleted_at_utc: null },
    { id: 'y', deleted_at_utc: null },
  ])
})

test('_sdc_deleted_at marks the row, which keeps its payload, until a later record comes', async () => {
  const gone = (id: string) =>
    record('s', { Id: id, status: 'Deleted', _sdc_deleted_at: '2024-01-02T00:00:00Z' }, at(3))
  const shown = () => rowsOf(database, 'raw.s', 'id, payload::text as payload, deleted_at_utc as d')
  const deleted = new Date('2024-01-02T00:00:00Z')
  const first = await load(database, [
    schema('s'),
    record('s', { Id: '1', v: 1 }, at(1)),
    gone('1'),
    gone('2'),
  ])
  expect(first.log).toContain('inserted 1, updated 0, unchanged 0, older 0, deleted 2')
  expect(await shown()).toEqual([
    { id: '1', payload: '{"v": 1, "Id": "1"}', d: deleted },
    { id: '2', payload: '{"Id": "2", "status": "Deleted"}', d: deleted },
  ])
  const again = await load(database, [schema('s'), gone('1'), gone('2')])
  expect(again.log).toContain('inserted 0, updated 0, unchanged 2, older 0, deleted 0')
  const stale = await load(database, [schema('s'), record('s', { Id: '1', v: 1 }, at(1))])
  expect(stale.log).toContain('unchanged 1')
  expect((await shown())[0]?.d).toEqual(deleted)
  await load(database, [
    schema('s'),
    record('s', { Id: '1', v: 1 }, at(4)),
    record('s', { Id: '2', v: 2 }, at(4)),
  ])
  expect(await shown()).toEqual([
    { id: '1', payload: '{"v": 1, "Id": "1"}', d: null },
    { id: '2', payload: '{"v": 2, "Id": "2"}', d: null },
  ])
})

test('a stale page does not clear a newer mark', async () => {
  await load(database, [
    schema('s'),
    record('s', { Id: '1', v: 1 }, at(1)),
    record('s', { Id: '1', _sdc_deleted_at: '2024-01-05T00:00:00Z' }, at(6)),
  ])
  await load(database, [schema('s'), record('s', { Id: '1', v: 2 }, at(4))])
  expect(
    await rowsOf(database, 'raw.s', "payload->>'v' as v, deleted_at_utc is null as live"),
  ).toEqual([{ v: '2', live: false }])
})

test('an older deletion mark never replaces a newer one, at any batch size', async () => {
  const mark = (deletedDay: number, day: number) =>
    record('s', { Id: '1', _sdc_deleted_at: at(deletedDay).time_extracted }, at(day))
  const marks = [mark(2, 2), mark(1, 1)]
  for (const sent of [marks, [...marks].reverse(), [mark(2, 1), mark(1, 2)]])
    for (const batch_size_rows of [1, 2, 3, 10_000]) {
      const fresh = await testDatabase()
      const { log } = await load(fresh, [schema('s'), record('s', { Id: '1' }, at(1)), ...sent], {
        settings: { batch_size_rows },
      })
      expect(await rowsOf(fresh, 'raw.s', 'deleted_at_utc as d')).toEqual([
        { d: new Date('2024-01-02T00:00:00Z') },
      ])
      if (sent[0] !== marks[1]) expect(log).toContain('unchanged 0, older 1, deleted 1')
    }
})

test('hard_delete deletes instead of marking', async () => {
  const settings = { hard_delete: true }
  const gone = (id: string) =>
    record('s', { Id: id, _sdc_deleted_at: '2024-01-02T00:00:00Z' }, at(3))
  await load(
    database,
    [schema('s'), record('s', { Id: '1' }, at(1)), record('s', { Id: '2' }, at(5))],
    { settings },
  )
  const { log } = await load(database, [schema('s'), gone('1'), gone('2'), gone('3')], { settings })
  expect(log).toContain('inserted 0, updated 0, unchanged 1, older 1, deleted 1')
  expect(await rowsOf(database, 'raw.s', 'id')).toEqual([{ id: '2' }])
  await load(
    database,
    [
      schema('s'),
      record('s', { Id: '9' }, { version: 2 }),
      { type: 'ACTIVATE_VERSION', stream: 's', version: 2 },
    ],
    { settings },
  )
  expect(await rowsOf(database, 'raw.s', 'id')).toEqual([{ id: '9' }])
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

test('BATCH files of jsonl, plain and gzip, are loaded', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'batch '))
  const plain = join(folder, 'a b.jsonl')
  const packed = join(folder, 'b.jsonl.gz')
  writeFileSync(plain, '{"Id":1,"x":1.10}\n{"Id":2}\n')
  writeFileSync(packed, gzipSync('{"Id":3}\n\n{"Id":4}'))
  const batch = (compression: string | undefined, ...files: string[]) => ({
    type: 'BATCH',
    stream: 's',
    encoding: { format: 'jsonl', ...(compression && { compression }) },
    manifest: files.map((file) => pathToFileURL(file).href),
  })
  const { code, states } = await load(
    database,
    [schema('s'), batch(undefined, plain), batch('gzip', packed), state({ n: 1 })],
    { settings: { batch_size_rows: 2 } },
  )
  expect([code, states]).toEqual([0, ['{"n":1}']])
  expect((await rowsOf(database, 'raw.s', 'id')).map((row) => row.id)).toEqual(['1', '2', '3', '4'])

  writeFileSync(plain, '{"Id":5}\n{"Id":1e200000,"n":1e200000}\n')
  const refused = await load(database, [schema('s'), batch('none', plain)])
  expect([refused.code, refused.fault?.message]).toEqual([
    6,
    expect.stringContaining(`${plain}, line 2`),
  ])
  writeFileSync(packed, gzipSync('{"Id":3}\n{"Id":4}').subarray(0, 20))
  for (const bad of [
    batch('gzip', packed),
    batch('zstd', plain),
    batch('none', join(folder, 'none')),
    { ...batch('none'), manifest: ['s3://bucket/x.jsonl'] },
    { ...batch('none'), encoding: { format: 'parquet' } },
  ]) {
    const { code: end, fault } = await load(database, [schema('s'), bad])
    expect([end, fault?.message]).toEqual([
      6,
      expect.stringMatching(/^line 2: a BATCH of stream 's'/),
    ])
  }
})

test('validate_records makes a record that does not fit its schema bad input', async () => {
  const declared = {
    type: 'SCHEMA',
    stream: 's',
    schema: {
      $schema: 'http://json-schema.org/draft-04/schema#',
      type: 'object',
      properties: { Id: { type: 'integer' }, at: { type: 'string', format: 'date-time' } },
    },
    key_properties: ['Id'],
  }
  const input = [declared, record('s', { Id: 1 }), record('s', { Id: 2, at: 'noon' })]
  expect((await load(database, input)).code).toBe(0)
  const { code, fault } = await load(database, input, { settings: { validate_records: true } })
  expect([code, fault?.message]).toEqual([
    6,
    `line 3: a record of stream 's' does not fit its schema: /at must match format "date-time"`,
  ])
})

test('validate_records sees that 19.99 is a multiple of 0.01', async () => {
  const declared = {
    type: 'SCHEMA',
    stream: 's',
    schema: { properties: { n: { type: 'number', multipleOf: 0.01 } } },
    key_properties: ['Id'],
  }
  const numbers = [19.99, -0.07, 1.1, 98765432.19, 5]
  const good = numbers.map((n) => record('s', { Id: n, n }))
  const { code, fault } = await load(
    database,
    [declared, ...good, record('s', { Id: 'bad', n: 19.991 })],
    { settings: { validate_records: true } },
  )
  expect([code, fault?.message]).toEqual([
    6,
    "line 7: a record of stream 's' does not fit its schema: /n must be multiple of 0.01",
  ])
})

test.each([
  [
    'of an old draft with an id',
    { id: 'http://example.com/s', properties: { n: { type: 'integer' } } },
    /^line 2: .* \/n must be integer$/,
  ],
  [
    'that is asynchronous to Ajv',
    { $async: true, properties: { n: { type: 'integer' } } },
    /^line 2: .* \/n must be integer$/,
  ],
  [
    'that refers to itself without end',
    { $ref: '#' },
    /^line 2: a record of stream 's' cannot be compared with its schema$/,
  ],
  [
    'that refers to a file elsewhere',
    { properties: { n: { $ref: 'http://example.com/n.json' } } },
    /^line 1: the schema of stream 's' cannot be used to validate$/,
  ],
])('validate_records holds against a schema %s', async (_, given, message) => {
  const declared = { type: 'SCHEMA', stream: 's', schema: given, key_properties: ['Id'] }
  const { code, fault } = await load(database, [declared, record('s', { Id: 1, n: 'x' })], {
    settings: { validate_records: true },
  })
  expect([code, fault?.message]).toEqual([6, expect.stringMatching(message)])
})

test('STATE is printed as it came, digits and all, and kept in the same transaction', async () => {
  const text = '{"n": 1.10, "big":12345678901234567890,"e":"\\u00e9é"}'
  const { states } = await load(database, [`{"type":"STATE","value":${text}}`], {
    settings: { state_id: "it's" },
  })
  expect(states).toEqual([text])
  const kept = await ask(database, 'select state_id, value from raw._singer_state')
  expect(kept).toEqual([{ state_id: "it's", value: text }])
})

test('STATE {} or null is never printed over a real one, and never alone', async () => {
  expect((await load(database, [state({}), state(null)])).states).toEqual([])
  expect((await load(database, [state({ n: 1 }), state({}), state(null)])).states).toEqual([
    '{"n":1}',
  ])
  expect(await ask(database, 'select value from raw._singer_state')).toEqual([{ value: '{"n":1}' }])
})

test('STATE [] is a value like any other', async () => {
  expect((await load(database, [state({ n: 1 }), state([])])).states).toEqual(['[]'])
  expect(await ask(database, 'select value from raw._singer_state')).toEqual([{ value: '[]' }])
})

test('at most one STATE is printed a commit', async () => {
  const input = [
    schema('s'),
    ...[1, 2, 3, 4, 5].flatMap((n) => [record('s', { Id: n }), state({ n })]),
  ]
  expect((await load(database, input)).states).toEqual(['{"n":5}'])
  const settings = { batch_size_rows: 2 }
  expect((await load(database, input, { settings })).states).toEqual([
    '{"n":1}',
    '{"n":3}',
    '{"n":5}',
  ])
})

test('rows come out the same at every batch size', async () => {
  let seed = 7
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648
    return Math.floor((seed / 2147483648) * below)
  }
  const input: object[] = [schema('a'), schema('b', [])]
  for (let n = 0; n < 400; n++) {
    const id = `${random(40)}`
    const time = { time_extracted: new Date(Date.UTC(2024, 0, 1) + n * 1000).toISOString() }
    if (random(8) === 0)
      input.push(record('a', { Id: id, _sdc_deleted_at: time.time_extracted }, time))
    else input.push(record('a', { Id: id, v: random(3) }, time))
    if (random(4) === 0) input.push(record('b', { v: random(20) }))
  }
  const outcomes: unknown[] = []
  for (const batch_size_rows of [1, 2, 10, 10_000]) {
    const fresh = await testDatabase()
    const { code } = await load(fresh, input, { settings: { batch_size_rows } })
    const rows = await rowsOf(fresh, 'raw.a', 'id, payload, deleted_at_utc')
    outcomes.push([code, rows, await rowsOf(fresh, 'raw.b')])
  }
  for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0])
})

test('each commit leaves a row a stream in _singer_loads', async () => {
  await load(database, [
    schema('s'),
    record('s', {
      Id: 1,
      _sdc_extract_window_start_utc: '2024-01-02T00:00:00Z',
      _sdc_extract_window_end_utc: '2024-01-03T00:00:00Z',
    }),
    record('s', {
      Id: 2,
      _sdc_extract_window_start_utc: '2024-01-01T00:00:00Z',
      _sdc_extract_window_end_utc: '2024-01-02T00:00:00Z',
    }),
    state({ n: 1 }),
  ])
  expect(
    await ask(
      database,
      `select state_id, stream, table_name, inserted, updated, unchanged, older, deleted, value,
        extract_window_start_utc as w0, extract_window_end_utc as w1, committed_at_utc >= started_at_utc as timed
       from raw._singer_loads`,
    ),
  ).toEqual([
    {
      state_id: 'default',
      stream: 's',
      table_name: 's',
      inserted: '2',
      updated: '0',
      unchanged: '0',
      older: '0',
      deleted: '0',
      value: '{"n":1}',
      w0: new Date('2024-01-01T00:00:00Z'),
      w1: new Date('2024-01-03T00:00:00Z'),
      timed: true,
    },
  ])
})

test('the log of a good run says neither "error" nor "exception"', async () => {
  const { log } = await load(
    database,
    [schema('s'), record('s', { Id: 'error', exception: 'exception' }), state({ n: 1 })],
    { settings: { log_level: 'debug' } },
  )
  expect(log).toContain('inserted 1')
  expect(log).not.toMatch(/error|exception/i)
})
