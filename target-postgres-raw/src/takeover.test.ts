import { beforeEach, expect, test } from 'vitest'
import { ask } from '../../dev/postgres.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { start } from '../fixtures/program.ts'
import { load, record, rowsOf, schema, state } from '../fixtures/trial.ts'

let database: string

beforeEach(async () => {
  database = await testDatabase()
  await ask(database, 'create schema raw')
})

test('a table that the Mage pipelines left is taken over with its rows', async () => {
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
  await ask(database, 'create table raw.invoices (id int primary key, payload text)')
  const { code, fault } = await load(database, [schema('invoices')])
  expect(code).toBe(5)
  expect(fault?.message).toBe(
    "table raw.invoices stands already and does not fit: column 'id' is int4, not text; column 'payload' is text, not jsonb or json",
  )
})

test('--test names a table that does not fit before a load meets it', async () => {
  await ask(database, 'create table raw.qb_invoices (id int, payload text)')
  const settings = { connection_string: database, table_prefix: 'qb_' }
  const { code, log } = await start(['--test'], settings).ended
  expect([code, log.split('\n').at(-2)]).toEqual([
    5,
    expect.stringMatching(/table raw\.qb_invoices stands already and does not fit: .* Rename that/),
  ])
  // It is in nobody's way who sends no such stream.
  const plain = await start(['--test'], { ...settings, table_prefix: 'x_' }).ended
  expect(plain).toMatchObject({ code: 0, log: expect.not.stringContaining('fit') })
})

const PLAIN = 'create table raw.s (id text primary key, payload jsonb)'

test.each([
  [
    'unlogged',
    'create unlogged table raw.s (id text primary key, payload jsonb)',
    /it is unlogged/,
  ],
  [
    'partitioned with an unlogged part',
    `create table raw.s (id text primary key, payload jsonb) partition by hash (id);
     create unlogged table raw.s0 partition of raw.s for values with (modulus 1, remainder 0)`,
    /it is unlogged/,
  ],
  [
    'unique by a collation in which x is X',
    `create collation raw.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
     create table raw.s (id text collate raw.loose primary key, payload jsonb)`,
    /the collation of 'id' takes different texts for the same/,
  ],
  [
    'unique by an index in which x is X',
    `create collation raw.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
     create table raw.s (id text, payload jsonb);
     create unique index on raw.s (id collate raw.loose)`,
    /the collation of 'id' takes different texts for the same/,
  ],
  [
    'the parent of others',
    `${PLAIN}; create table raw.child () inherits (raw.s)`,
    /inherit from it/,
  ],
])('a table that is %s is refused, for rows of it could be lost', async (_, ddl, reason) => {
  await ask(database, ddl)
  const { code, states, fault } = await load(database, [
    schema('s'),
    record('s', { Id: 'x' }),
    state({ n: 1 }),
  ])
  expect([code, states]).toEqual([5, []])
  expect(fault?.message).toMatch(reason)
})

test.each([
  ['record', 'insert', [record('s', { Id: 1 })], {}],
  ['mark', 'update', [record('s', { Id: 0, _sdc_deleted_at: '2024-01-01T00:00:00Z' })], {}],
  [
    'deletion',
    'delete',
    [record('s', { Id: 0, _sdc_deleted_at: '2024-01-01T00:00:00Z' })],
    { hard_delete: true },
  ],
])('a %s that a trigger keeps out is not called stored', async (_, event, messages, settings) => {
  await ask(database, PLAIN)
  await load(database, [schema('s'), record('s', { Id: 0 })])
  await ask(
    database,
    `create function raw.nothing() returns trigger language plpgsql as 'begin return null; end';
     create trigger quiet before ${event} on raw.s for each row execute function raw.nothing()`,
  )
  const input = [schema('s'), ...messages, state({ n: 1 })]
  const { code, states, fault } = await load(database, input, { settings })
  expect([code, states]).toEqual([5, []])
  expect(fault?.message).toMatch(/1 records of stream 's' .*a trigger or a policy of it keeps them/)
})

test('a partitioned table is loaded like any other', async () => {
  await ask(
    database,
    `create table raw.s (id text primary key, payload jsonb) partition by hash (id);
     create table raw.s0 partition of raw.s for values with (modulus 2, remainder 0);
     create table raw.s1 partition of raw.s for values with (modulus 2, remainder 1)`,
  )
  const ids = [1, 2, 3, 4, 5, 6]
  const first = await load(database, [schema('s'), ...ids.map((Id) => record('s', { Id }))])
  expect([first.code, first.log]).toEqual([0, expect.stringContaining('inserted 6, updated 0')])
  const again = [
    ...ids.map((Id) => record('s', Id < 3 ? { Id } : { Id, v: 1 })),
    record('s', { Id: 7 }),
    record('s', { Id: 7, v: 2 }),
    record('s', { Id: 1, _sdc_deleted_at: '2024-01-01T00:00:00Z' }),
  ]
  const second = await load(database, [schema('s'), ...again])
  expect([second.code, second.log]).toEqual([
    0,
    expect.stringContaining('inserted 1, updated 5, unchanged 2, older 0, deleted 1'),
  ])
  expect(await rowsOf(database, 'raw.s', "id, payload->'v' as v")).toEqual(
    ['1', '2', '3', '4', '5', '6', '7'].map((id) => ({
      id,
      v: id < '3' ? null : id === '7' ? 2 : 1,
    })),
  )
})
