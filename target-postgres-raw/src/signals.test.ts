import { once } from 'node:events'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { ask, startPostgres } from '../../dev/postgres.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { type Program, start } from '../fixtures/program.ts'
import { startProxy } from '../fixtures/proxy.ts'
import { load, record, rowsOf, schema, state, toLines } from '../fixtures/trial.ts'

const rows = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => record('s', { Id: from + n }))

const CODES = { SIGTERM: 143, SIGINT: 130 }

/** Sends signals, and gives how the program ended and how long that took. */
async function stop(target: Program, ...signals: (keyof typeof CODES)[]) {
  const asked = performance.now()
  for (const signal of signals) target.process.kill(signal)
  const ended = await target.ended
  return { ...ended, took: (performance.now() - asked) / 1000 }
}

/** Waits until the target's session is like this; gives its process id. */
async function session(database: string, like: string): Promise<number> {
  for (;;) {
    const [found] = await ask(
      database,
      `select pid from pg_stat_activity
        where application_name = 'target-postgres-raw' and datname = current_database() and ${like}`,
    )
    if (found !== undefined) return found.pid
  }
}

/** Holds the table of the stream until the returned function is called. */
async function hold(database: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: database })
  await client.connect()
  await client.query('begin; lock table raw.s in exclusive mode')
  return () => client.end()
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s while it waits for input, with nothing to store, ends at once',
  async (signal) => {
    const database = await testDatabase()
    const target = start([], { connection_string: database, batch_wait_limit_seconds: 0.01 })
    target.process.stdin.write(toLines([schema('s'), ...rows(0, 3), state({ n: 1 })]))
    await target.printed('{"n":1}')
    const { code, out, log, took } = await stop(target, signal)
    expect([code, out]).toEqual([CODES[signal], '{"n":1}\n'])
    expect(log).toContain(`WARNING stopped by ${signal}`)
    expect(took).toBeLessThan(3)
  },
)

test.each([
  ['SIGTERM', ['SIGTERM']],
  ['SIGINT', ['SIGINT']],
  ['both, twice,', ['SIGTERM', 'SIGTERM', 'SIGINT', 'SIGINT']],
] as const)('%s during a commit lets it end, and prints its STATE once', async (_, signals) => {
  const database = await testDatabase()
  await load(database, [schema('s')])
  const release = await hold(database)
  const target = start([], { connection_string: database, batch_size_rows: 5 })
  target.process.stdin.write(toLines([schema('s'), ...rows(0, 4), state({ n: 1 }), ...rows(4, 5)]))
  await session(database, "wait_event_type = 'Lock'")
  const stopped = stop(target, ...signals)
  // It has taken the signal when it takes no more input.
  target.process.stdin.write(toLines([...rows(5, 8), state({ n: 2 })]))
  await release()
  const { code, out } = await stopped
  const stored = await rowsOf(database, 'raw.s', 'id')
  // Of signals sent together the system may give any first.
  expect(signals.map((signal) => CODES[signal])).toContain(code)
  expect(out).toBe(stored.length === 8 ? '{"n":1}\n{"n":2}\n' : '{"n":1}\n')
  expect([5, 8]).toContain(stored.length)
  expect(await ask(database, 'select inserted::int from raw._singer_loads')).toEqual(
    stored.length === 8 ? [{ inserted: 5 }, { inserted: 3 }] : [{ inserted: 5 }],
  )
})

test('SIGTERM while it waits to try again ends at once', async () => {
  const proxy = await startProxy(await testDatabase(), {})
  await proxy.close()
  const target = start([], { connection_string: proxy.database, backoff_seconds: 100 })
  target.process.stdin.write(toLines([schema('s'), ...rows(0, 3)]))
  await once(target.process.stderr, 'data')
  const { code, out, took } = await stop(target, 'SIGTERM')
  expect([code, out]).toEqual([143, ''])
  expect(took).toBeLessThan(3)
})

test.skipIf(process.platform === 'win32')(
  'SIGTERM with a stopped Postgres ends within 10 seconds, and the last STATE is true',
  async () => {
    const postgres = await startPostgres({ settings: { fsync: 'off' } })
    onTestFinished(() => postgres.stop('immediate'))
    const database = await postgres.createDatabase()
    const settings = { connection_string: database, batch_size_rows: 5 }
    const target = start([], { ...settings, batch_wait_limit_seconds: 0.01 })
    target.process.stdin.write(toLines([schema('s'), ...rows(0, 5), state({ n: 1 })]))
    await target.printed('{"n":1}')
    const backend = await session(database, 'true')
    process.kill(backend, 'SIGSTOP')
    target.process.stdin.write(toLines([...rows(5, 10), state({ n: 2 })]))
    // Another one is just connecting, to a server that is as silent.
    const silent = await startProxy(database, { onSent: () => 'hold' })
    const late = start([], { ...settings, connection_string: silent.database })
    await expect.poll(() => silent.connections(), { timeout: 20_000 }).toBe(1)
    const ends = await Promise.all([stop(target, 'SIGTERM', 'SIGTERM'), stop(late, 'SIGINT')])
    process.kill(backend, 'SIGCONT')
    await silent.close()
    expect(ends.map(({ code, out }) => [code, out])).toEqual([
      [143, '{"n":1}\n'],
      [130, ''],
    ])
    for (const { took } of ends) expect(took).toBeLessThan(10)
    // What the server had been sent it may still do, or not.
    expect([5, 10]).toContain((await rowsOf(database, 'raw.s', 'id')).length)
    const again = await load(database, [schema('s'), ...rows(5, 10), state({ n: 2 })])
    expect([again.code, again.states]).toEqual([0, ['{"n":2}']])
    expect(await rowsOf(database, 'raw.s', 'id')).toHaveLength(10)
  },
)
