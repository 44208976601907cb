import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { records, STREAM_NAMES } from '../fixtures/reading.ts'
import { openWorld, type Run, startTap } from '../fixtures/tap.ts'

type Metric = { type: string; metric: string; value: number; tags: Record<string, string> }

function metrics(run: Run): Metric[] {
  return [...run.stderr.matchAll(/^INFO METRIC: (.*)$/gm)].map(
    ([, json]) => JSON.parse(String(json)) as Metric,
  )
}

test.concurrent('a good run tells rows, windows and calls of each stream, and has no word that alarms', async () => {
  const world = await openWorld({ limits: false }, { page_size: 10 })
  const first = await world.run({ settings: { chunk_days: 365, end_date: '2026-01-01' } })
  expect(first.stderr).not.toMatch(/error|exception/i)
  const settings = JSON.parse(/^INFO settings: (.*)$/m.exec(first.stderr)?.[1] ?? '{}')
  expect(settings).toMatchObject({ page_size: 10, chunk_days: 365, end_date: '2026-01-01' })
  expect(Object.keys(settings).join()).not.toMatch(/secret|refresh|command/)
  const { simulator } = world
  for (const stream of STREAM_NAMES) {
    const count = records(first, stream).length
    const calls = simulator.log().filter(({ entity }) => stream.startsWith(entity.toLowerCase()))
    const asked = calls.filter(({ endpoint }) => endpoint === 'query').length
    // 2016 to 2025 are 3653 days.
    expect(first.stderr).toMatch(
      new RegExp(`^INFO ${stream}: ${count} rows, 11 windows, ${asked} calls, \\d`, 'm'),
    )
    const of = (metric: string) =>
      metrics(first).find((one) => one.metric === metric && one.tags.stream === stream)
    expect(of('record_count')).toMatchObject({ type: 'counter', value: count })
    expect(of('http_request_count')).toMatchObject({ value: asked, tags: { endpoint: 'query' } })
    expect(of('sync_duration')).toMatchObject({ type: 'timer' })
  }
  const second = await world.run({ state: first.state })
  expect(second.code).toBe(0)
  expect(second.stderr).not.toMatch(/error|exception/i)
})

for (const [how, environment, settings] of [
  ['LOGGING_CONF_FILE', { LOGGING_CONF_FILE: '/tmp/logging.json' }, {}],
  ['SINGER_SDK_LOG_CONFIG', { SINGER_SDK_LOG_CONFIG: 'x' }, {}],
  ['log_format', {}, { log_format: 'json' }],
] as const)
  test.concurrent(`with ${how} each line of stderr is JSON as Meltano reads it`, async () => {
    const world = await openWorld({ invoices: 3, limits: false })
    const run = await world.run({ environment, settings })
    expect(run.code).toBe(0)
    const lines = run.stderr.trimEnd().split('\n')
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(entries.length).toBeGreaterThan(5)
    for (const entry of entries)
      expect(Object.keys(entry)).toEqual(
        expect.arrayContaining(
          'level pid logger_name ts thread_name app_name stream_name message'.split(' '),
        ),
      )
    expect(entries.some(({ message }) => String(message).startsWith('METRIC: {'))).toBe(true)
    world.simulator.tokens.revoke()
    world.simulator.script.add({ status: 401, times: 0 })
    const bad = await world.run({ environment, settings })
    const last = JSON.parse(String(bad.stderr.trimEnd().split('\n').at(-1)))
    expect([bad.code, last.level]).toEqual([3, 'critical'])
  })

test.concurrent('No secret reaches stdout, stderr, state, argv, the database or a report', async () => {
  const world = await openWorld(
    { invoices: 40, limits: false },
    { log_level: 'debug', page_size: 10 },
  )
  const { simulator, directory, tokenFile } = world
  const secrets = new Set<string>()
  const note = () => {
    for (const name of ['client_id', 'client_secret'] as const) secrets.add(simulator.config[name])
    secrets.add(simulator.tokens.refreshToken())
    const access = simulator.tokens.accessToken()
    if (access !== undefined) secrets.add(access)
  }
  note()
  simulator.script.onAnswer(note)
  const { client_id, client_secret } = simulator.config
  secrets.add(Buffer.from(`${client_id}:${client_secret}`).toString('base64'))
  simulator.script.add(
    { endpoint: 'token', status: 500 },
    { endpoint: 'token', drop: true },
    { status: 500 },
    { drop: true, after: 2 },
    { afterRequests: 4, expireAccessTokens: true },
  )
  const runs = [await world.run()]
  const state = runs[0]?.state
  simulator.clock.advance(60)
  for (const fault of [{ status: 302 }, { status: 403 }, { status: 401 }, { drop: true }]) {
    simulator.script.add({ ...fault, times: 0 })
    runs.push(await world.run({ state }))
    simulator.script.clear()
    simulator.script.onAnswer(note)
  }
  note()
  simulator.tokens.revoke()
  runs.push(await world.run({ state }))
  expect(runs.map(({ code }) => code)).toEqual([0, 4, 3, 3, 4, 3])
  const broken = world.file('broken.json', `${JSON.stringify(world.settings).slice(0, -9)}`)
  runs.push(await startTap(['-c', broken]).ended)
  const wrong = { realm_id: [client_secret], log_level: client_secret, start_date: '' }
  runs.push(await world.run({ settings: { ...wrong, client_id: 7 } }))
  expect(runs.slice(-2).map(({ code }) => code)).toEqual([1, 1])

  expect(secrets.size).toBeGreaterThan(6)
  for (const secret of secrets)
    for (const run of runs) {
      expect(run.stdout.includes(secret)).toBe(false)
      expect(run.stderr.includes(secret), run.stderr).toBe(false)
    }
  const files = readdirSync(directory).map((name) => join(directory, name))
  for (const path of files.filter((one) => one.endsWith('state.json')))
    for (const secret of secrets) expect(readFileSync(path, 'utf8').includes(secret)).toBe(false)
  expect(files).toContain(tokenFile)
})
