import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import pg from 'pg'
import { expect, test } from 'vitest'
import { createPipeline, findProcess, TARGET } from './pipeline.ts'

/** The most memory that a process has used so far, in MB. */
function peakMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1]) / 1024
}

test.skipIf(process.platform !== 'linux')(
  'Nothing is read faster than it can be stored: back-pressure reaches from COPY to the HTTP page, and memory stays flat for any volume',
  async () => {
    const pipeline = await createPipeline(
      { invoices: 60_000, customers: 10, items: 10 },
      { tap: { requests_per_minute: 500 } },
    )
    // A first small load makes the tables; then somebody else holds the one that matters.
    const small = pipeline.write(
      'small.singer',
      [
        '{"type":"SCHEMA","stream":"invoices","schema":{},"key_properties":["Id"]}',
        '{"type":"RECORD","stream":"invoices","record":{"Id":"0"}}\n',
      ].join('\n'),
    )
    await execa(TARGET, ['-c', pipeline.targetConfig, '--input', small])
    const holder = new pg.Client({ connectionString: pipeline.connectionString })
    await holder.connect()
    await holder.query('begin; lock table raw.qb_invoices')

    const run = pipeline.run()
    try {
      const waiting =
        "select count(*)::int from pg_locks where not granted and relation = 'raw.qb_invoices'::regclass"
      await expect
        .poll(async () => (await pipeline.database.query(waiting)).rows[0].count, {
          timeout: 30_000,
        })
        .toBe(1)
      // The tap comes to rest: between two looks, two seconds apart, no further request was made.
      let before = -1
      await expect
        .poll(
          () => {
            const { dataRequests } = pipeline.simulator.stats()
            const rests = dataRequests === before
            before = dataRequests
            return rests
          },
          { interval: 2000, timeout: 80_000 },
        )
        .toBe(true)
      expect(before).toBeLessThan(50)
      expect(peakMegabytes(findProcess(pipeline, 'tap-quickbooks')!)).toBeLessThan(200)
      expect(peakMegabytes(findProcess(pipeline, 'target-postgres-raw')!)).toBeLessThan(200)
      await holder.query('commit')
      expect((await run).exitCode).toBe(0)
      const { rows } = await pipeline.database.query('select count(*)::int from raw.qb_invoices')
      expect(rows[0].count).toBe(60_001)
    } finally {
      await holder.end()
    }
  },
  180_000,
)

test('No secret reaches stdout, stderr, state, argv, the database or a report', async () => {
  const pipeline = await createPipeline(
    { invoices: 30, customers: 5, items: 5, accessTokenRequests: 3 },
    { tap: { log_level: 'debug' }, target: { log_level: 'debug' } },
  )
  const { config } = pipeline.simulator
  const seenInArgv: string[] = []
  pipeline.simulator.script.onAnswer(() => {
    if (process.platform !== 'linux') return
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        if (line.includes(pipeline.folder)) seenInArgv.push(line)
      } catch {
        // It has ended between the two looks.
      }
    }
  })
  const ended = await pipeline.run()
  expect(ended.exitCode).toBe(0)
  const kept = JSON.parse(readFileSync(join(pipeline.folder, 'token.json'), 'utf8'))
  const password = new URL(pipeline.connectionString).password
  const secrets = [
    config.client_secret,
    config.refresh_token,
    JSON.parse(readFileSync(pipeline.tapConfig, 'utf8')).refresh_token,
    kept.refresh_token,
    kept.access_token,
    Buffer.from(`${config.client_id}:${config.client_secret}`).toString('base64'),
    password,
  ]
  const { rows } = await pipeline.database.query(`
    select string_agg(value, '') as text from raw._singer_state
    union all select string_agg(t::text, '') from raw.qb_invoices t
    union all select string_agg(query, '') from pg_stat_activity`)
  const places = {
    stdout: ended.stdout,
    stderr: ended.stderr,
    state: existsSync(pipeline.state) ? readFileSync(pipeline.state, 'utf8') : '',
    argv: seenInArgv.join('\n'),
    database: rows.map((row) => row.text).join('\n'),
  }
  expect(ended.stderr).toContain('DEBUG')
  expect(pipeline.simulator.stats().tokens.refreshes).toBeGreaterThan(1)
  for (const secret of secrets) {
    expect(secret.length).toBeGreaterThan(10)
    for (const [place, text] of Object.entries(places))
      expect({ place, found: text.includes(secret) }).toEqual({ place, found: false })
  }
})

test('Exit code 0 means: everything that was asked for is committed. Every other ending has its own code', async () => {
  const pipeline = await createPipeline({ invoices: 50, customers: 10, items: 10 })
  const code = async (change: () => void, undo: () => void): Promise<number | undefined> => {
    change()
    const { exitCode } = await pipeline.run()
    undo()
    return exitCode
  }
  const tap = JSON.parse(readFileSync(pipeline.tapConfig, 'utf8'))
  const target = JSON.parse(readFileSync(pipeline.targetConfig, 'utf8'))
  const withTap = (change: object) => () => pipeline.write('tap.json', { ...tap, ...change })
  const withTarget = (change: object) => () =>
    pipeline.write('target.json', { ...target, ...change })
  const { script } = pipeline.simulator

  expect(await code(withTap({ page_size: 0 }), withTap({}))).toBe(1)
  expect(await code(withTap({ client_secret: 'wrong' }), withTap({}))).toBe(3)
  expect(
    await code(
      () => script.add({ times: 0, status: 503, body: 'html' }),
      () => script.clear(),
    ),
  ).toBe(4)
  const unreachable = { connection_string: 'postgres://nobody:pw@127.0.0.1:9/none' }
  expect(await code(withTarget(unreachable), withTarget({}))).toBe(5)
  expect(
    await code(
      () => script.add({ times: 0, entity: 'Item', status: 400, body: 'json-fault' }),
      () => script.clear(),
    ),
  ).toBe(7)
  const cut = pipeline.write('cut.singer', '{"type":"RECORD","stream":"a","record":{"Id":')
  const bad = await execa(TARGET, ['-c', pipeline.targetConfig, '--input', cut], { reject: false })
  expect(bad.exitCode).toBe(6)
  expect(bad.stderr.trim().split('\n').at(-1)).toMatch(/^CRITICAL line 1: /)
  pipeline.simulator.clock.advance(120)
  pipeline.simulator.company.touch('Item', pipeline.simulator.company.ids('Item')[0]!)
  pipeline.simulator.clock.advance(120)
  expect(await code(withTap({ call_limit: 1 }), withTap({}))).toBe(8)
  expect((await pipeline.run()).exitCode).toBe(0)
})
