import { PassThrough } from 'node:stream'
import pg from 'pg'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { ask } from '../../dev/postgres.ts'
import { draw } from '../../dev/simulator/random.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { load, record, rowsOf, schema, state, toLines } from '../fixtures/trial.ts'

let database: string

beforeEach(async () => {
  database = await testDatabase()
})

const rows = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => record('s', { Id: from + n }))

const name = () => new URL(database).pathname.slice(1)

/** Another session on the same database. */
async function session(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database })
  client.on('error', () => {})
  await client.connect()
  return client
}

/** Waits until a session of the target waits for a lock; gives its process id. */
async function blockedTarget(): Promise<number> {
  for (;;) {
    const [found] = await ask(
      database,
      "select pid from pg_stat_activity where application_name = 'target-postgres-raw' and wait_event_type = 'Lock' and datname = current_database()",
    )
    if (found !== undefined) return found.pid
  }
}

/** The first tries of a transaction that inserts fail with this code, at a row or at COMMIT. */
async function failing(code: string, tries: number, moment: 'row' | 'commit'): Promise<void> {
  const when =
    moment === 'row'
      ? 'create trigger fail after insert'
      : 'create constraint trigger fail after insert'
  const deferred = moment === 'row' ? '' : 'deferrable initially deferred'
  await ask(database, 'create sequence raw.tries')
  await ask(
    database,
    `create function raw.fail() returns trigger language plpgsql as $$ begin
       if nextval('raw.tries') <= ${tries} then
         raise exception 'not now' using errcode = '${code}';
       end if;
       return null;
     end $$`,
  )
  await ask(database, `${when} on raw.s ${deferred} for each row execute function raw.fail()`)
}

test.each([
  ['a serialisation failure', '40001', 'row'],
  ['a serialisation failure at COMMIT', '40001', 'commit'],
  ['a lock that is not had in time', '55P03', 'row'],
  ['a server that goes down', '57P01', 'commit'],
] as const)(
  'after %s the whole transaction is done again, until it is in once',
  async (_, code, moment) => {
    await load(database, [schema('s'), ...rows(0, 10)])
    await failing(code, 2, moment)
    const {
      code: exit,
      states,
      log,
    } = await load(database, [...[schema('s'), ...rows(5, 60)], state({ n: 1 })])
    expect([exit, states]).toEqual([0, ['{"n":1}']])
    expect(log.match(/try \d of 5/g)).toEqual(['try 2 of 5', 'try 3 of 5'])
    expect(log).toContain('inserted 50, updated 0, unchanged 5,')
    expect(await rowsOf(database, 'raw.s', 'id')).toHaveLength(60)
  },
)

test('what fails at every try ends with 5, and the last STATE is true', async () => {
  await load(database, [schema('s')])
  const { code, states, fault } = await load(
    database,
    [schema('s'), ...rows(0, 5), state({ n: 1 }), ...rows(5, 10), state({ n: 2 })],
    {
      settings: { batch_size_rows: 6, max_attempts: 3 },
      onState: () => failing('40001', 1000, 'commit'),
    },
  )
  expect([code, states]).toEqual([5, ['{"n":1}']])
  expect(fault?.message).toContain('not now (40001)')
  expect(await rowsOf(database, 'raw.s', 'id')).toHaveLength(6)
  expect(await ask(database, 'select value from raw._singer_state')).toEqual([{ value: '{"n":1}' }])
})

test('a table that has gone and that another target makes anew is waited for', async () => {
  await load(database, [schema('s')])
  await ask(database, 'drop table raw.s')
  const other = await session()
  await other.query('begin')
  await other.query(
    "select pg_advisory_xact_lock(hashtext('target-postgres-raw'), hashtext('raw'))",
  )
  await other.query('create table raw.s (id text primary key, payload jsonb)')
  const loading = load(database, [schema('s'), record('s', { Id: 1 }), state({ n: 1 })])
  await blockedTarget()
  await other.query('commit')
  expect(await loading).toMatchObject({ code: 0, states: ['{"n":1}'] })
  await other.end()
})

test('what the server advises is passed on', async () => {
  await load(database, [schema('s')])
  await ask(
    database,
    `create function raw.fail() returns trigger language plpgsql as $$ begin
       raise exception 'out of shared memory' using errcode = '53200', hint = 'increase it';
     end $$;
     create trigger fail before insert on raw.s execute function raw.fail()`,
  )
  const { code, fault } = await load(database, [schema('s'), record('s', { Id: 1 })])
  expect([code, fault]).toMatchObject([5, { hint: 'increase it' }])
})

test('with too many connections it waits for a free one', async () => {
  const role = new URL(database)
  role.username = `one_${name()}`
  role.password = 'one-password'
  await ask(
    database,
    `create role ${role.username} login connection limit 1 password 'one-password'`,
  )
  await ask(database, `grant create on database ${name()} to ${role.username}`)
  onTestFinished(async () => {
    await ask(database, `drop owned by ${role.username}`)
    await ask(database, `drop role ${role.username}`)
  })
  const first = new pg.Client({ connectionString: role.href })
  await first.connect()
  const input = [schema('s'), ...rows(0, 5), state({ n: 1 })]
  const none = await load(role.href, input, { settings: { max_attempts: 2 } })
  expect([none.code, none.states]).toEqual([5, []])
  expect(none.fault?.message).toContain('too many connections')

  const waiting = load(role.href, input, { settings: { backoff_seconds: 0.1 } })
  await first.end()
  expect(await waiting).toMatchObject({ code: 0, states: ['{"n":1}'] })
})

test('a database that is read-only is exit 5 at once, and says so', async () => {
  await load(database, [schema('s')])
  await ask(database, `alter database ${name()} set default_transaction_read_only = on`)
  const { code, states, fault, log } = await load(database, [schema('s'), ...rows(0, 5), state(1)])
  expect([code, states, log.match(/WARNING/g)]).toEqual([5, [], null])
  expect(fault).toMatchObject({
    message: expect.stringContaining('read-only transaction (25006)'),
    hint: 'The server is read-only: a standby, or set so.',
  })
})

test('a statement that its time limit ends is exit 5 at once, and nothing of the batch is in', async () => {
  await load(database, [schema('s'), schema('t'), ...rows(0, 3)])
  const second = new pg.Client({ connectionString: database })
  await second.connect()
  await second.query('begin; lock table raw.t in exclusive mode')
  await ask(database, `alter database ${name()} set statement_timeout = '300ms'`)
  const { code, states, fault, log } = await load(database, [
    ...[schema('s'), schema('t'), ...rows(0, 5), record('t', { Id: 1 })],
    state({ n: 1 }),
  ])
  await second.end()
  expect([code, states, log.match(/WARNING/g)]).toEqual([5, [], null])
  expect(fault).toMatchObject({
    message: expect.stringMatching(/stream 't' into raw\.t .*statement timeout \(57014\)/),
    hint: 'A statement_timeout of the role or the database ended it, or an administrator.',
  })
  expect(await rowsOf(database, 'raw.s', 'id')).toHaveLength(3)
})

test('a session that is ended while the input is silent is opened again, without a word', async () => {
  await ask(database, `alter database ${name()} set idle_session_timeout = '100ms'`)
  const input = new PassThrough()
  let stored = () => {}
  const first = new Promise<void>((resolve) => {
    stored = resolve
  })
  const settings = { batch_wait_limit_seconds: 0.01 }
  const run = load(database, input, { settings, onState: async () => stored() })
  input.write(toLines([schema('s'), ...rows(0, 3), state({ n: 1 })]))
  await first
  const alive =
    "select from pg_stat_activity where application_name = 'target-postgres-raw' and datname = current_database()"
  await expect.poll(() => ask(database, alive), { timeout: 20_000 }).toEqual([])
  input.end(toLines([...rows(3, 6), state({ n: 2 })]))
  expect(await run).toMatchObject({ code: 0, states: ['{"n":1}', '{"n":2}'] })
  expect(await rowsOf(database, 'raw.s', 'id')).toHaveLength(6)
})

test('several targets with records, marks and versions of the same rows end right, all of them', async () => {
  const ids = Array.from({ length: 200 }, (_, n) => n)
  const input = (at: number, order: number[]) => [
    ...[schema('a'), schema('b')],
    ...order.flatMap((Id, n) => {
      const time = { time_extracted: new Date(Date.UTC(2024, 0, 1) + n * 10 + at).toISOString() }
      const gone = { Id, _sdc_deleted_at: time.time_extracted }
      return ['a', 'b'].flatMap((stream) => [
        record(stream, { Id, n, at }, { ...time, version: at }),
        ...((n + at) % 3 === 0 ? [record(stream, gone, time)] : []),
      ])
    }),
    { type: 'ACTIVATE_VERSION', stream: 'a', version: 1 },
    state({ at }),
  ]
  const random = { state: 1 }
  const orders = [0, 1, 2, 3].map(() => [...ids, ...ids].map(() => draw(random, ids.length)))
  const runs = await Promise.all(
    orders.map((order, at) =>
      load(database, input(at, order), {
        settings: { batch_size_rows: 60 + at, state_id: `${at}` },
      }),
    ),
  )
  // Nor was one of them in the way of another.
  expect(runs.map(({ code, log }) => [code, log.match(/WARNING.*/)?.[0]])).toEqual(
    orders.map(() => [0, undefined]),
  )
  // The newest of each row stands: that of the target which sent it last by its own clock.
  const newest = new Map<number, { n: number; at: number }>()
  for (let n = 0; n < 400; n++)
    for (const [at, order] of orders.entries()) newest.set(order[n] as number, { n, at })
  const expected = [...newest]
    .sort(([a], [b]) => a - b)
    .map(([id, row]) => ({ id: `${id}`, ...row }))
  for (const stream of ['a', 'b']) {
    const found = await rowsOf(
      database,
      `raw.${stream}`,
      "id, (payload->'n')::int as n, (payload->'at')::int as at",
    )
    expect(found.sort((x, y) => Number(x.id) - Number(y.id))).toEqual(expected)
  }
})

test('a transaction whose session is ended is done again, whole', async () => {
  await load(database, [schema('s'), ...rows(0, 2)])
  const second = await session()
  await second.query('begin; lock table raw.s in exclusive mode')
  const run = load(database, [schema('s'), ...rows(0, 100), state({ n: 1 })])
  await second.query('select pg_terminate_backend($1)', [await blockedTarget()])
  await second.query('commit')
  const { code, states, log } = await run
  expect([code, states]).toEqual([0, ['{"n":1}']])
  expect(log).toMatch(/WARNING .*57P01.*try 2 of 5/)
  expect(await rowsOf(database, 'raw.s', 'id')).toHaveLength(100)
  await second.end()
})

test('a transaction that a deadlock ended is done again, whole', async () => {
  await load(database, [schema('s'), ...rows(0, 2)])
  const second = await session()
  await second.query(
    "set deadlock_timeout to '60s'; begin; update raw.s set version = 0 where id = '1'",
  )
  const run = load(database, [
    schema('s'),
    record('s', { Id: 0, a: 1 }),
    record('s', { Id: 1, a: 1 }),
  ])
  await blockedTarget()
  await second.query("update raw.s set version = 0 where id = '0'; commit")
  const { code, log } = await run
  expect([code, log]).toEqual([0, expect.stringContaining('40P01')])
  expect(await rowsOf(database, 'raw.s', "payload->>'a' as a")).toEqual([{ a: '1' }, { a: '1' }])
  await second.end()
})

test('two targets that start at once and load the same rows end right', async () => {
  const input = (value: string) => [
    schema('s'),
    ...Array.from({ length: 500 }, (_, n) => record('s', { Id: n, value })),
    state({ value }),
  ]
  const settings = { batch_size_rows: 50 }
  const runs = await Promise.all(
    ['a', 'b', 'c'].map((value) => load(database, input(value), { settings })),
  )
  expect(runs.map(({ code }) => code)).toEqual([0, 0, 0])
  expect(await rowsOf(database, 'raw.s', 'id')).toHaveLength(500)
  expect(await ask(database, 'select count(*)::int as n from raw._singer_streams')).toEqual([
    { n: 1 },
  ])
})
