import { expect, test } from 'vitest'
import { expectComplete, ids } from '../fixtures/reading.ts'
import { openWorld, startTap } from '../fixtures/tap.ts'

test.concurrent('every fault of the settings is said at once, with its name, before any connection', async () => {
  const world = await openWorld({ invoices: 1 })
  const { client_id: _, ...settings } = world.settings
  const wrong = {
    realm_id: 1234567890,
    start_date: '2024-13-01',
    end_date: 'tomorrow',
    chunk_days: 0,
    page_size: 1001,
    concurrency: 11,
    requests_per_minute: 501,
    max_attempts: 0,
    backoff_seconds: -1,
    settle_seconds: 'x',
    call_limit: 0,
    environment: 'Production',
    deletes: 'perhaps',
    on_delete_gap: 'ask',
    log_level: 'loud',
    base_url: 'http://example.com',
    token_url: 'ftp://127.0.0.1',
  }
  const config = world.file('config.json', { ...settings, ...wrong })
  const run = await world.run({ args: ['--config', config] })
  expect([run.code, run.stdout]).toEqual([1, ''])
  const lines = run.stderr.trimEnd().split('\n')
  for (const name of ['client_id', ...Object.keys(wrong)])
    expect(
      lines.filter((line) => line.startsWith(`ERROR ${name}: `)),
      name,
    ).toHaveLength(1)
  expect(lines.at(-1)).toMatch(/^CRITICAL /)
  expect(world.simulator.stats().requests).toBe(0)
})

for (const [name, value] of [
  ['realm_id', 1234567890],
  ['realm_id', '12-34'],
  ['start_date', '01/02/2024'],
  ['start_date', '2024-02-30'],
  ['start_date', '2024'],
  ['end_date', '2001-01-01'],
  ['base_url', 'http://quickbooks.api.intuit.com'],
  ['base_url', 'http://127.0.0.1.example.com'],
  ['base_url', 'https://me:hidden-word@quickbooks.api.intuit.com'],
  ['token_url', 'https://quickbooks.api.intuit.com/?token=hidden-word'],
  ['token_url', 'nowhere'],
  ['base_url', 'https://quickbooks.api.intuit.com/v3'],
  ['base_url', 'https://quickbooks.api.intuit.com/v3/company'],
  ['base_url', 'https://quickbooks.api.intuit.com/v3/company/9341457021722203/'],
] as const)
  test.concurrent(`${name} ${JSON.stringify(value)} is refused by name, without a secret that it may hold`, async () => {
    const world = await openWorld({ invoices: 1 })
    const run = await world.run({ settings: { [name]: value } })
    expect([run.code, run.stdout]).toEqual([1, ''])
    expect(run.stderr).toMatch(new RegExp(`^ERROR ${name}: .*found`, 'm'))
    expect(run.stderr).not.toMatch(/hidden-word/)
    expect(world.simulator.stats().requests).toBe(0)
  })

test.concurrent('settings come from files and the environment, as text too, the environment last', async () => {
  const world = await openWorld({ invoices: 9, limits: false })
  const { refresh_token, ...settings } = world.settings
  const one = world.file('one.json', { ...settings, page_size: '5', deletes: 'false', note: null })
  const two = world.file('two.json', { start_date: '2099-01-01', page_sice: 3 })
  const run = await startTap(['--config', one, '-c', two, '--config', 'ENV'], {
    TAP_QUICKBOOKS_REFRESH_TOKEN: String(refresh_token),
    TAP_QUICKBOOKS_START_DATE: '2016-01-01',
    TAP_QUICKBOOKS_CONCURRENCY: '1',
  }).ended
  expect(run.stderr).toMatch(/^WARNING unknown setting 'page_sice'.*'page_size'/m)
  expect(run.code).toBe(0)
  expectComplete(world, [run])
  expect(run.stdout).toContain('MAXRESULTS 5')
  const without = await startTap(['--config', one], { TAP_QUICKBOOKS_REFRESH_TOKEN: 'x' }).ended
  expect(without.code).toBe(1)
  expect(without.stderr).toMatch(/^ERROR refresh_token: is required/m)
})

test.concurrent('the old names of the dates are answered with the new ones', async () => {
  const world = await openWorld({ invoices: 1 })
  const { start_date, ...settings } = world.settings
  const old = { ...settings, fecha_inicio: start_date, fecha_fin: '2026-01-01' }
  const run = await world.run({ args: ['--config', world.file('config.json', old)] })
  expect(run.code).toBe(1)
  expect(run.stderr).toMatch(/^WARNING unknown setting 'fecha_inicio'.* 'start_date'\?$/m)
  expect(run.stderr).toMatch(/^WARNING unknown setting 'fecha_fin'.* 'end_date'\?$/m)
})

test.concurrent('dates and date-times with and without an offset mean UTC', async () => {
  const world = await openWorld({ invoices: 60, limits: false, items: 0, customers: 0 })
  const forms = [
    ['2019-03-01', '2021-07-01'],
    ['2019-03-01T00:00', '2021-07-01 00:00:00'],
    ['2019-03-01T00:00:00Z', '2021-07-01T00:00:00.000Z'],
    ['2019-02-28T19:00:00-05:00', '2021-07-01T02:00:00+02:00'],
  ]
  const found: string[][] = []
  for (const [start_date, end_date] of forms) {
    const run = await world.run({ settings: { start_date, end_date } })
    expect(run.code).toBe(0)
    expect(run.state.bookmarks.invoices).toMatchObject({
      replication_key_value: '2021-07-01T00:00:00Z',
      since: '2019-03-01T00:00:00Z',
    })
    found.push(ids(run, 'invoices'))
  }
  expect(found[0]?.length).toBeGreaterThan(5)
  for (const some of found) expect(some).toEqual(found[0])
})

test.concurrent('--test makes one call, names the company and says nothing on stdout', async () => {
  const world = await openWorld({ invoices: 1, limits: false })
  const config = world.file('config.json', world.settings)
  const run = await world.run({ args: ['-c', config, '--test'] })
  expect([run.code, run.stdout]).toEqual([0, ''])
  expect(run.stderr).toMatch(/connected to company ".+" \(realm \d+\)/)
  expect(world.simulator.stats().metered).toMatchObject({
    total: 1,
    byEndpoint: { companyinfo: 1 },
  })
  world.simulator.tokens.revoke()
  expect((await world.run({ args: ['-c', config, '--test'] })).code).toBe(3)
})
