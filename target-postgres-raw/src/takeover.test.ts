import { beforeEach, expect, test } from 'vitest'
import { ask } from '../../dev/postgres.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { load, record, schema, state } from '../fixtures/trial.ts'

let database: string

beforeEach(async () => {
  database = await testDatabase()
  await ask(database, 'create schema raw')
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
