import { utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test, vi } from 'vitest'
import { createPipeline, type Pipeline, RUNNER, TAP, TARGET } from './pipeline.ts'

// Each test starts some ten programs.
vi.setConfig({ testTimeout: 300_000 })

const company = { invoices: 5, customers: 2, items: 1 }

type Flags = { tap?: string; target?: string; state?: string }

/** Runs the doctor; gives its lines as outcome, what, and what was found. */
async function doctor(pipeline: Pipeline, flags: Flags = {}, environment = {}) {
  const { tapConfig, targetConfig, state } = pipeline
  const { tap = `${TAP} -c ${tapConfig}`, target = `${TARGET} -c ${targetConfig}` } = flags
  const args = ['doctor', '--tap', tap, '--target', target, '--state', flags.state ?? state]
  const ended = await execa(RUNNER, args, { reject: false, env: environment })
  const checks = ended.stdout.split('\n').map((line) => {
    const [, outcome = '', what = '', found = ''] = /^(\S+) +(.+?) {2,}(.*)$/.exec(line) ?? []
    return { outcome, what, found }
  })
  const not = (outcome: string) => checks.filter((check) => check.outcome !== outcome)
  return {
    code: ended.exitCode,
    stderr: ended.stderr,
    out: ended.stdout,
    checks,
    faults: not('ok'),
  }
}

const GOOD = [
  ...['node', 'tap program', 'tap settings', 'tap token', 'tap company', 'tap clock'],
  ...['target program', 'target settings', 'target connection', 'target server', 'target rights'],
  'state file',
]

test('where a run would go well, every line is ok, at one metered call', async () => {
  const pipeline = await createPipeline(company)
  const before = await doctor(pipeline)
  expect(before.faults, before.out).toEqual([])
  expect(before.checks.map(({ what }) => what)).toEqual(GOOD)
  expect(before.checks.at(-1)?.found).toMatch(/not there yet, so the first run reads everything$/)
  expect(before.stderr).toBe('INFO a run can begin: all 12 checks are good')
  expect(before.code).toBe(0)
  expect(pipeline.simulator.stats().metered.total).toBe(1)
  const { rows } = await pipeline.database.query("select to_regnamespace('raw') as made")
  expect(rows).toEqual([{ made: null }])

  const ahead = pipeline.write('ahead.json', { bookmarks: { invoices: { rows: 5 } } })
  const { faults } = await doctor(pipeline, { state: ahead })
  expect(faults.map(({ outcome, found }) => `${outcome} ${found}`)).toEqual([
    expect.stringMatching(/^warn .*says that rows are loaded already, but the target has no table/),
  ])

  expect((await pipeline.run()).exitCode).toBe(0)
  // The settings of a log change nothing, and JSON does not either.
  const tap = pipeline.write('quiet.json', { log_level: 'warning', log_format: 'json' })
  const after = await doctor(
    pipeline,
    { tap: `${TAP} -c ${pipeline.tapConfig} -c ${tap}` },
    { NO_COLOR: '1' },
  )
  expect(after.faults, after.out).toEqual([])
  expect(after.checks.map(({ what }) => what)).toEqual(GOOD)
  expect(after.checks.at(-1)?.found).toMatch(/: saved \d+ s ago, of company \d+$/)
  expect(after.checks.at(-2)?.found).toBe('may load into 3 tables of schema raw, and make others')
  expect(after.out).not.toContain('\x1b')
})

test('a fault in one check stops no other, each says what to do, and no secret is told', async () => {
  const pipeline = await createPipeline(company)
  const { simulator, write } = pipeline
  const tap = write('bad.json', {
    client_secret: 'not-the-client-secret',
    chunk_dys: 3,
    token_file: join(pipeline.folder, 'none.json'),
  })
  const target = write('pg.json', {
    connection_string: 'postgres://loader:not-the-password@127.0.0.1:1/books',
  })
  const state = write('old.json', { bookmarks: {}, realm_id: '1234' })
  const longAgo = Date.now() / 1000 - 40 * 86_400
  utimesSync(state, longAgo, longAgo)
  const { code, faults, out, stderr } = await doctor(pipeline, {
    tap: `${TAP} -c ${pipeline.tapConfig} -c ${tap}`,
    target: `${TARGET} -c ${target}`,
    state,
  })
  expect(code).toBe(9)
  expect(faults.map(({ outcome, what }) => `${outcome} ${what}`)).toEqual([
    ...['fail tap token', 'warn tap company', 'warn tap clock', 'warn tap says'],
    ...['fail target connection', 'warn target server', 'warn target rights'],
    ...['fail state file', 'warn state file'],
  ])
  const found = faults.map((one) => one.found)
  expect(found[0]).toMatch(/client_id or client_secret is wrong .*compare with the keys/)
  expect(found[1]).toBe('not checked, because the check of token failed')
  expect(found[3]).toMatch(/'chunk_dys' is ignored; did you mean 'chunk_days'/)
  expect(found[4]).toMatch(
    /ECONNREFUSED.*Is Postgres running there, and are host and port right\?$/,
  )
  expect(found[7]).toMatch(
    /is of company 1234, the tap's realm_id is \d+\. Use a state file of its own/,
  )
  expect(found[8]).toMatch(/was saved 40 days ago\. QuickBooks tells deletions of 30 days only/)
  expect(stderr).toMatch(/^WARNING 3 of 14 checks failed: mend what the lines with 'fail' name/)
  for (const secret of [
    'not-the-client-secret',
    'not-the-password',
    simulator.config.client_secret,
  ])
    expect(out + stderr).not.toContain(secret)
})

test('settings with faults, a clock that is wrong, a state that is broken or in use', async () => {
  const pipeline = await createPipeline(company)
  const { write, simulator } = pipeline
  const bad = write('bad.json', { start_date: 'yesterday', chunk_days: -1 })
  writeFileSync(pipeline.state, '{"bookmarks":')
  const broken = await doctor(pipeline, { tap: `${TAP} -c ${pipeline.tapConfig} -c ${bad}` })
  expect(broken.code).toBe(9)
  const settings = broken.faults.filter(({ what }) => what === 'tap settings')
  expect(settings.map(({ found }) => found)).toEqual([
    expect.stringMatching(/^chunk_days: .*found -1$/),
    expect.stringMatching(/^start_date: .*found "yesterday"$/),
  ])
  expect(broken.checks.at(-1)).toMatchObject({
    outcome: 'fail',
    found: expect.stringMatching(/is not whole JSON\. It must hold one state/),
  })

  writeFileSync(pipeline.state, '{}')
  simulator.clock.advance(3600)
  simulator.script.add({ endpoint: 'query', hang: true, times: 0 })
  const running = pipeline.launch()
  await expect
    .poll(() => simulator.log().some(({ endpoint }) => endpoint === 'query'), { timeout: 250_000 })
    .toBe(true)
  const { code, faults } = await doctor(pipeline)
  running.kill('SIGTERM')
  await running
  expect(code).toBe(0)
  expect(faults).toEqual([
    {
      outcome: 'warn',
      what: 'tap clock',
      found: expect.stringMatching(/clock is 3\d\d\d s behind QuickBooks'/),
    },
    {
      outcome: 'warn',
      what: 'state file',
      found: expect.stringMatching(/a run is working with it now/),
    },
  ])
})

test('of programs of others it looks at what every program has', async () => {
  const pipeline = await createPipeline(company)
  const silent = pipeline.write('tap-silent', '#!/bin/sh\nexit 2\n')
  await execa('chmod', ['755', silent])
  const none = await doctor(pipeline, { tap: 'tap-missing --config x', target: silent })
  expect([none.code, none.checks.map(({ outcome, what }) => `${outcome} ${what}`)]).toEqual([
    9,
    ['ok node', 'fail tap program', 'warn target program', 'warn target settings', 'ok state file'],
  ])
  const { code, checks } = await doctor(pipeline, { tap: process.execPath, target: silent })
  expect(code).toBe(0)
  expect(checks[1]?.found).toBe(`${process.version} (${process.execPath})`)
})
