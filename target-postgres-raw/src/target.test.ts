import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import pg from 'pg'
import { beforeEach, expect, test } from 'vitest'
import { ask } from '../../dev/postgres.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { start } from '../fixtures/program.ts'
import { startProxy } from '../fixtures/proxy.ts'
import { load, record, rowsOf, schema, state, toLines } from '../fixtures/trial.ts'

let database: string

beforeEach(async () => {
  database = await testDatabase()
})

const rows = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => record('s', { Id: from + n }))

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

test('The target prints a STATE only after the commit of every record that came before it', async () => {
  const input = [schema('s'), schema('t')]
  for (let n = 1; n <= 100; n++) {
    input.push(record('s', { Id: n }))
    if (n % 3 === 0) input.push(record('t', { Id: n }))
    if (n % 7 === 0) input.push(state({ n }))
  }
  const second = await session()
  const seen: number[] = []
  const { code } = await load(database, input, {
    settings: { batch_size_rows: 10 },
    async onState(text) {
      for (const line of text.trim().split('\n')) {
        const { n } = JSON.parse(line)
        const counted = await second.query(
          `select (select count(*)::int from raw.s where id::int <= $1) as s,
                  (select count(*)::int from raw.t where id::int <= $1) as t,
                  (select value from raw._singer_state) as value`,
          [n],
        )
        expect(counted.rows).toEqual([{ s: n, t: Math.floor(n / 3), value: line }])
        seen.push(n)
      }
    },
  })
  await second.end()
  expect(code).toBe(0)
  expect(seen.length).toBeGreaterThan(5)
  expect(seen.at(-1)).toBe(98)
})

test('Exit code 0 means: everything that was asked for is committed', async () => {
  const good = await load(database, [schema('s'), ...rows(0, 50), state({ n: 1 }), ...rows(50, 60)])
  expect(good.code).toBe(0)
  expect(await rowsOf(database, 'raw.s', 'id')).toHaveLength(60)
  const second = await session()
  await second.query('alter table raw.s add constraint small check (id::int < 100)')
  const refused = await load(database, [schema('s'), ...rows(90, 110), state({ n: 2 })])
  expect([refused.code, refused.states]).toEqual([5, []])
  expect(refused.fault?.message).toContain("cannot load stream 's' into raw.s")
  expect(refused.fault?.message).toContain('violates check constraint "small" (23514)')
  expect(await rowsOf(database, 'raw.s', 'id')).toHaveLength(60)
  await second.end()
})

test('a commit comes in time on a silent stdin, with rows or with STATE alone', async () => {
  const input = new PassThrough()
  const settings = { batch_wait_limit_seconds: 0.05 }
  let printed = (_: string) => {}
  const next = () =>
    new Promise<string>((resolve) => {
      printed = resolve
    })
  const first = next()
  const run = load(database, input, { settings, onState: async (text) => printed(text) })
  input.write(toLines([schema('s'), ...rows(0, 3), state({ n: 1 })]))
  expect(await first).toBe('{"n":1}\n')
  expect(await rowsOf(database, 'raw.s', 'id')).toHaveLength(3)
  const second = next()
  input.write(toLines([state({ n: 2 })]))
  expect(await second).toBe('{"n":2}\n')
  input.end()
  expect(await run).toMatchObject({ code: 0, states: ['{"n":1}', '{"n":2}'] })
})

test('an idle stream holds nobody back', async () => {
  const { states } = await load(
    database,
    [
      schema('idle'),
      schema('s'),
      record('idle', { Id: 1 }),
      ...rows(0, 10),
      state({ n: 1 }),
      ...rows(10, 30),
    ],
    { settings: { batch_size_rows: 5 } },
  )
  expect(states).toEqual(['{"n":1}'])
})

test('a batch also ends by its bytes', async () => {
  const input = [schema('s')]
  for (let n = 0; n < 10; n++) input.push(record('s', { Id: n, x: 'x'.repeat(1000) }), state({ n }))
  const { states } = await load(database, input, { settings: { batch_size_bytes: 3000 } })
  expect(states.length).toBeGreaterThan(2)
})

test('a line that is too long is refused by name and size, and what came before is stored', async () => {
  const { code, states, fault } = await load(
    database,
    [schema('s'), ...rows(0, 2), state({ n: 1 }), record('s', { Id: 9, x: 'x'.repeat(5000) })],
    { settings: { max_line_bytes: 4000 } },
  )
  expect([code, states]).toEqual([6, ['{"n":1}']])
  expect(fault?.message).toContain("line 5: the line of stream 's' is longer than 4000 bytes")
})

test('an unreachable database is tried max_attempts times, then exit 5', async () => {
  const proxy = await startProxy(database, {})
  await proxy.close()
  const { code, log, fault } = await load(proxy.database, [], { settings: { max_attempts: 3 } })
  expect([code, log.match(/WARNING/g)?.length]).toEqual([5, 2])
  const { port, pathname } = new URL(proxy.database)
  expect(fault?.message).toMatch(
    `cannot connect to Postgres at 127.0.0.1:${port} (database '${pathname.slice(1)}', user 'postgres'): `,
  )
  expect(fault?.message).toContain('ECONNREFUSED')
})

test('a wrong password and a missing right are exit 5 at once', async () => {
  const wrong = new URL(database)
  wrong.password = 'not-the-password'
  const refused = await load(wrong.href, [])
  expect([refused.code, refused.log]).toEqual([5, expect.not.stringContaining('WARNING')])
  expect(refused.fault?.message).toContain('28P01')
  const role = new URL(database)
  role.username = `loader_${new URL(database).pathname.slice(1)}`
  role.password = 'loader-password'
  await ask(database, `create role ${role.username} login password 'loader-password'`)
  try {
    const denied = await load(role.href, [schema('s')])
    expect([denied.code, denied.log]).toEqual([5, expect.not.stringContaining('WARNING')])
    expect(denied.fault?.message).toContain('permission denied')

    await load(database, [schema('s')])
    await ask(database, `grant usage on schema raw to ${role.username}`)
    await ask(
      database,
      `grant select, insert, update on all tables in schema raw to ${role.username}`,
    )
    const allowed = await load(role.href, [schema('s'), record('s', { Id: 1 }), state({ n: 1 })])
    expect([allowed.code, allowed.states]).toEqual([0, ['{"n":1}']])
  } finally {
    await ask(database, `drop owned by ${role.username}`)
    await ask(database, `drop role ${role.username}`)
  }
})

test('SIGTERM commits what waits, prints its STATE and ends with 143', async () => {
  const target = start([], { connection_string: database, batch_wait_limit_seconds: 0.3 })
  target.process.stdin.write(toLines([schema('s'), ...rows(0, 5), state({ n: 1 })]))
  await target.printed('{"n":1}')
  target.process.stdin.write(toLines([...rows(5, 9), state({ n: 2 })]))
  target.process.kill('SIGTERM')
  target.process.kill('SIGTERM')
  const { code, out, log } = await target.ended
  expect(code).toBe(143)
  expect(log).toContain('stopped by SIGTERM')
  const stored = (await rowsOf(database, 'raw.s', 'id')).length
  expect([out, stored]).toEqual(stored === 5 ? ['{"n":1}\n', 5] : ['{"n":1}\n{"n":2}\n', 9])
})

test('SIGINT with Postgres hung ends with 130 within 10 seconds, and nothing half stored', async () => {
  await load(database, [schema('s')])
  const second = await session()
  await second.query('begin; lock table raw.s in exclusive mode')
  const target = start([], { connection_string: database })
  target.process.stdin.end(toLines([schema('s'), ...rows(0, 5), state({ n: 1 })]))
  await blockedTarget()
  const asked = performance.now()
  target.process.kill('SIGINT')
  const { code, out } = await target.ended
  expect([code, out]).toEqual([130, ''])
  expect(performance.now() - asked).toBeLessThan(10_000)
  await second.query('commit')
  expect(await rowsOf(database, 'raw.s', 'id')).toEqual([])
  await second.end()
})

test('a closed stdout ends the program non-zero and without a stack trace', async () => {
  const target = start([], { connection_string: database, batch_size_rows: 1 })
  target.process.stdout.destroy()
  target.process.stdin.end(toLines([schema('s'), record('s', { Id: 1 }), state({ n: 1 })]))
  await once(target.process, 'exit')
  const { code, log } = await target.ended
  expect(code).toBe(141)
  expect(log).toContain('CRITICAL')
  expect(log).not.toMatch(/^\s+at /m)
})

test('wrong settings list every fault and exit 1 before any connection', async () => {
  const { code, log, out } = await start([], {
    connection_string: 'mysql://me:hunter22@x/d',
    batch_size_rows: 'many',
    payload_type: 'xml',
    table_prefx: 'qb_',
  }).ended
  expect([code, out]).toEqual([1, ''])
  expect(log).toContain("unknown setting 'table_prefx' is ignored; did you mean 'table_prefix'?")
  expect(log).toContain('batch_size_rows: must be integer, found "many"')
  expect(log).toContain('payload_type: must be one of jsonb, json, found "xml"')
  expect(log).toContain('connection_string: must begin with postgres://')
  expect(log).not.toContain('hunter22')
  expect(log.trim().split('\n').at(-1)).toMatch(/^CRITICAL/)
})

test('No secret reaches stdout, stderr, the database or pg_stat_activity', async () => {
  const secret = `S3cr3t-${Math.random().toString(36).slice(2)}`
  const role = `secret_${new URL(database).pathname.slice(1)}`
  await ask(database, `create role ${role} login superuser password '${secret}'`)
  try {
    const url = new URL(database)
    const settings = {
      host: url.hostname,
      port: url.port,
      user: role,
      password: secret,
      database: url.pathname.slice(1),
      log_level: 'debug',
    }
    const second = await session()
    const good = start([], settings)
    good.process.stdin.write(toLines([schema('s'), record('s', { Id: 1 })]))
    const command = readFileSync(`/proc/${good.process.pid}/cmdline`, 'utf8')
    let activity: unknown[] = []
    while (activity.length === 0)
      activity = await ask(database, 'select * from pg_stat_activity where usename = $1', [role])
    good.process.stdin.end(toLines([state({ n: 1 })]))
    const bad = start([], { ...settings, password: `${secret}x` })
    bad.process.stdin.end()
    const ends = [await good.ended, await bad.ended]
    expect(ends.map(({ code }) => code)).toEqual([0, 5])
    const { rows: stored } = await second.query(
      'select * from raw._singer_loads, raw._singer_state',
    )
    expect(JSON.stringify([ends, command, activity, stored])).not.toContain(secret)
    await second.end()
  } finally {
    await ask(database, `drop owned by ${role} cascade`)
    await ask(database, `drop role ${role}`)
  }
})
