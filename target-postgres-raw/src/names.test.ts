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
