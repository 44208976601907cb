import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

test.each(['answer', 'message'])(
  'after a COMMIT whose %s was lost the batch is in once, and counted once',
  async (lost) => {
    await load(database, [schema('s')])
    let isLost = false
    let isCopied = false
    let isCommitted = false
    const lose = (cut: () => void) => {
      isLost = true
      cut()
      return 'hold' as const
    }
    const proxy = await startProxy(database, {
      onSent(data, cut) {
        isCopied ||= data.includes('copy pg_temp')
        isCommitted ||= isCopied && data.includes('commit\0')
        return lost === 'message' && isCommitted && !isLost ? lose(cut) : 'forward'
      },
      onAnswer(data, cut) {
        const isAnswer = isCommitted && data.includes('COMMIT\0')
        return lost === 'answer' && isAnswer && !isLost ? lose(cut) : 'forward'
      },
    })
    const { code, states, log } = await load(proxy.database, [
      ...[schema('s'), ...rows(0, 100)],
      state({ n: 1 }),
    ])
    await proxy.close()
    expect([code, states, isLost, proxy.connections()]).toEqual([0, ['{"n":1}'], true, 2])
    expect(await rowsOf(database, 'raw.s', 'id')).toHaveLength(100)
    expect(log).toContain('inserted 100, updated 0, unchanged 0')
    expect(
      await ask(database, 'select inserted::int, unchanged::int from raw._singer_loads'),
    ).toEqual([{ inserted: 100, unchanged: 0 }])
  },
)

test('a COMMIT that is still under way when the connection is lost is waited for, and counted once', async () => {
  await load(database, [schema('s')])
  await ask(
    database,
    `create function raw.wait() returns trigger language plpgsql as
       'begin perform pg_catalog.pg_sleep(0.5); return null; end';
     create constraint trigger slow after insert on raw._singer_state
       deferrable initially deferred for each row execute function raw.wait()`,
  )
  let isCopied = false
  let isLost = false
  const proxy = await startProxy(database, {
    onSent(data, cut) {
      isCopied ||= data.includes('copy pg_temp')
      if (!isCopied || isLost || !data.includes('commit\0')) return 'forward'
      isLost = true
      // The server has the COMMIT before it can see that nobody is there any more.
      setImmediate(cut)
      return 'forward'
    },
  })
  const { code, states, log } = await load(proxy.database, [
    ...[schema('s'), ...rows(0, 10)],
    state({ n: 1 }),
  ])
  await proxy.close()
  expect([code, states, isLost, proxy.connections()]).toEqual([0, ['{"n":1}'], true, 2])
  expect(log).toContain('inserted 10, updated 0, unchanged 0')
  expect(await ask(database, 'select inserted::int from raw._singer_loads')).toEqual([
    { inserted: 10 },
  ])
})

test('a connection that breaks anywhere inside the load leaves the batch in once', async () => {
  const wide = Array.from({ length: 200 }, (_, n) => record('s', { Id: n, x: 'x'.repeat(2000) }))
  for (let at = 2000; at < 420_000; at += 61_003) {
    const fresh = await testDatabase()
    let sent = 0
    const proxy = await startProxy(fresh, {
      onSent(data, cut, number) {
        sent += data.length
        if (number > 1 || sent < at) return 'forward'
        cut()
        return 'hold'
      },
    })
    const { code, states } = await load(proxy.database, [schema('s'), ...wide, state({ n: 1 })])
    await proxy.close()
    expect([at, code, states]).toEqual([at, 0, ['{"n":1}']])
    expect(await rowsOf(fresh, 'raw.s', 'id')).toHaveLength(200)
  }
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

test('an input that is a directory or cannot be opened is exit 1', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'input-'))
  const none = join(folder, 'none')
  for (const [path, why] of [
    [folder, 'it is a directory'],
    [none, 'ENOENT'],
  ] as const) {
    const target = start(['--input', path], { connection_string: database })
    const { code, out, log } = await target.ended
    expect([code, out]).toEqual([1, ''])
    expect(log).toContain(`--input ${path}: cannot be read (${why}`)
  }
  const good = join(folder, 'good.singer')
  writeFileSync(good, toLines([schema('s'), record('s', { Id: 1 }), state({ n: 1 })]))
  const read = await start(['--input', good], { connection_string: database }).ended
  expect([read.code, read.out]).toEqual([0, '{"n":1}\n'])
})

test('an input that breaks off is bad input', async (context) => {
  if (process.platform !== 'linux') context.skip('only Linux has a file that cannot be read')
  const { code, log } = await start(['--input', '/proc/self/mem'], {
    connection_string: database,
  }).ended
  expect([code, log.trim().split('\n').at(-1)]).toEqual([
    6,
    expect.stringMatching(/^CRITICAL --input \/proc\/self\/mem cannot be read: EIO/),
  ])
})

test('a wait of many years is none of a millisecond', async () => {
  const target = start([], { connection_string: database, batch_wait_limit_seconds: 1e9 })
  target.process.stdin.end(toLines([schema('s'), record('s', { Id: 1 }), state({ n: 1 })]))
  const { code, out, log } = await target.ended
  expect([code, out]).toEqual([0, '{"n":1}\n'])
  expect(log).not.toContain('Timeout')
})

test('a stdin that is a directory is exit 1', async () => {
  const directory = openSync(tmpdir(), 'r')
  const target = start([], { connection_string: database }, {}, directory)
  const { code, out, log } = await target.ended
  closeSync(directory)
  expect([code, out]).toEqual([1, ''])
  expect(log).toContain('stdin: cannot be read (it is a directory)')
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
