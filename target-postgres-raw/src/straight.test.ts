import pg from 'pg'
import { beforeEach, expect, test } from 'vitest'
import { ask } from '../../dev/postgres.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { load, record, rowsOf, schema, state } from '../fixtures/trial.ts'
import { textArray } from './sql.ts'

let database: string
beforeEach(async () => {
  database = await testDatabase()
})

const ORIGIN = {
  _sdc_extract_window_start_utc: '2024-01-01T00:00:00+01:00',
  _sdc_extract_window_end_utc: '2024-02-01T00:00:00Z',
  _sdc_page_number: 2,
  _sdc_page_size: 1000,
  _sdc_request_payload: { method: 'GET', query: "select 'a\\b'" },
}

/** Whether rows go straight in or by way of the staging table, which a trigger makes them do. */
test('rows that are all new become what they become by way of the staging table', async () => {
  const messages = (stream: string) => [
    schema(stream),
    record(stream, { Id: 'a\tb\\', text: 'x\\y\nz "é" 😀', ...ORIGIN }, { version: 7 }),
    record(stream, { ...ORIGIN, Id: 'b' }, { time_extracted: '2024-03-01T10:00:00.123+02:00' }),
    `{"type":"RECORD","stream":"${stream}","record":{ "Id" :\t1.10,"Id":2.50 , "n":-0.0}}`,
    `{"type":"RECORD","stream":"${stream}","record":{"_sdc_page_number":1,"Id":"c","x":"\\u0000"}}`,
    `{"type":"RECORD","stream":"${stream}","record":{"_sdc_page_number":1,"Id":"d","_sdc_page_size":2}}`,
  ]
  await load(database, [schema('staged'), schema('straight')])
  await ask(
    database,
    `create function nothing() returns trigger language plpgsql as 'begin return new; end';
     create trigger nothing before insert on raw.staged for each row execute function nothing()`,
  )
  const { code } = await load(database, [...messages('straight'), ...messages('staged'), state(1)])
  expect(code).toBe(0)
  const columns = 't::text'
  const straight = await rowsOf(database, 'raw.straight t', columns)
  expect(straight).toHaveLength(5)
  expect(straight).toEqual(await rowsOf(database, 'raw.staged t', columns))
})

test('rows that differ in a single member of their origin keep each its own', async () => {
  const others = {
    _sdc_extract_window_start_utc: '2024-01-02T00:00:00Z',
    _sdc_extract_window_end_utc: '2024-02-02T00:00:00Z',
    _sdc_page_number: 3,
    _sdc_page_size: 999,
    _sdc_request_payload: { method: 'POST' },
  }
  const origins = Object.entries(others).flatMap(([name, value]) => [
    ORIGIN,
    { ...ORIGIN, [name]: value },
  ])
  const rows = origins.map((origin, Id) => record('s', { Id, ...origin, x: 1 }))
  expect((await load(database, [schema('s'), ...rows])).code).toBe(0)
  const columns = await rowsOf(
    database,
    'raw.s',
    `extract_window_start_utc, extract_window_end_utc, page_number, page_size, request_payload,
     payload::text`,
  )
  expect(columns).toEqual(
    origins.map((origin, Id) => ({
      extract_window_start_utc: new Date(origin._sdc_extract_window_start_utc),
      extract_window_end_utc: new Date(origin._sdc_extract_window_end_utc),
      page_number: origin._sdc_page_number,
      page_size: origin._sdc_page_size,
      request_payload: origin._sdc_request_payload,
      payload: `{"x": 1, "Id": ${Id}}`,
    })),
  )
})

test('ids of any characters are asked for as they are', async () => {
  const ids = [
    '"',
    '\\',
    "'",
    '\\"',
    ',',
    '{',
    '}',
    '{}',
    'NULL',
    'null',
    '',
    ' ',
    '\n',
    'é😀',
    "E'\\'",
  ]
  const texts = `select texts.id from unnest(${textArray(ids)}) with ordinality as texts (id, n)`
  expect(await ask(database, `${texts} order by n`)).toEqual(ids.map((id) => ({ id })))
})

test('a row that another program has just written is updated, and fails nothing', async () => {
  await load(database, [schema('s')])
  const other = new pg.Client({ connectionString: database })
  await other.connect()
  await other.query(
    `begin; insert into raw.s (id, payload, ingested_at_utc) values ('2', '{"of": "other"}', now())`,
  )
  const run = load(database, [
    schema('s'),
    record('s', { Id: 1 }),
    record('s', { Id: 2 }),
    state(1),
  ])
  const waiting =
    'select from pg_stat_activity where query like \'copy "raw"."s"%\' and wait_event_type = \'Lock\''
  await expect.poll(() => ask(database, waiting), { timeout: 20_000 }).toHaveLength(1)
  await other.query('commit')
  await other.end()
  expect(await run).toMatchObject({ code: 0, states: ['1'] })
  expect((await run).log).toContain('inserted 1, updated 1')
  expect(await rowsOf(database, 'raw.s')).toEqual([
    { id: '1', payload: '{"Id": 1}' },
    { id: '2', payload: '{"Id": 2}' },
  ])
})

test('of bad values in two tables the first in the input is named, and what came before it is kept', async () => {
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
  const bad = (stream: string) =>
    `{"type":"RECORD","stream":"${stream}","record":{"Id":"bad","deep":${deep}}}`
  const { code, fault, states } = await load(database, [
    ...[schema('a'), schema('z')],
    ...[record('a', { Id: 1 }), record('z', { Id: 1 }), state(1)],
    ...[bad('z'), state(2), bad('a'), state(3)],
  ])
  expect([code, states]).toEqual([6, ['1']])
  expect(fault?.message).toMatch(/^line 6: .*stream 'z'/)
  expect(await rowsOf(database, 'raw.a', 'id')).toEqual([{ id: '1' }])
  expect(await rowsOf(database, 'raw.z', 'id')).toEqual([{ id: '1' }])
})

test('a row that is there already is found also where only some of a batch are looked up', async () => {
  const rows = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, n) => record('s', { Id: from + n }))
  const known = record('s', { Id: 500, is: 'changed' })
  const messages = [
    ...[schema('s'), ...rows(0, 1000)],
    ...[...rows(1000, 1005), known, ...rows(1005, 1999), state(1)],
    ...[...rows(2000, 2995), record('s', { Id: 1, is: 'changed' }), ...rows(2995, 2999), state(2)],
  ]
  const { code, log, states } = await load(database, messages, {
    settings: { batch_size_rows: 1000 },
  })
  expect([code, states.at(-1)]).toEqual([0, '2'])
  expect(log).toContain('inserted 2998, updated 2')
  expect(await ask(database, 'select count(*)::int as n from raw.s')).toEqual([{ n: 2998 }])
  expect(await rowsOf(database, "raw.s where payload ? 'is'", 'id')).toHaveLength(2)
})

test('a known row that a newer constraint would not let in is left as it is', async () => {
  const rows = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, n) => record('s', { Id: from + n, is: 'good' }))
  await load(database, [schema('s'), record('s', { Id: 'old' })])
  await ask(database, `alter table raw.s add check (payload ? 'is') not valid`)
  const messages = [
    ...[schema('s'), ...rows(0, 150), state(1)],
    // Not one of those that are looked up.
    ...[...rows(150, 161), record('s', { Id: 'old' }), ...rows(161, 299), state(2)],
  ]
  const { code, log, states } = await load(database, messages, {
    settings: { batch_size_rows: 150 },
  })
  expect([code, states]).toEqual([0, ['1', '2']])
  expect(log).toContain('inserted 299, updated 0, unchanged 1')
})

test('a table that is not analyzed is not read whole to look for ids', async () => {
  const rows = Array.from({ length: 20_000 }, (_, n) => record('s', { Id: (n * 7919) % 100_003 }))
  const settings = { batch_size_rows: 4000 }
  expect((await load(database, [schema('s'), ...rows, state(1)], { settings })).code).toBe(0)
  const counters = () =>
    ask(
      database,
      "select n_tup_ins::int as rows, seq_scan::int as reads from pg_stat_user_tables where relname = 's'",
    )
  // One is that of making the index. The counters of a session come some time after its end.
  await expect.poll(counters, { timeout: 20_000 }).toEqual([{ rows: 20_000, reads: 1 }])
})
