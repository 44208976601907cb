import { expect, test } from 'vitest'
import { burst, insertAt, series } from '../fixtures/company.ts'
import { expectComplete, ids } from '../fixtures/reading.ts'
import { openWorld, type Run, type World } from '../fixtures/tap.ts'

function expectWithinBudget({ simulator }: World, pageSize: number): void {
  const { byEntity } = simulator.stats().metered
  for (const [entity, calls] of Object.entries(byEntity)) {
    const pages = Math.ceil(simulator.rows(entity).length / pageSize)
    expect(calls, `calls for ${entity}`).toBeLessThanOrEqual(pages * 1.1 + 12)
  }
}

for (const chunkDays of [1, 3650])
  for (const invoices of [2, 260])
    test.concurrent(`a backfill of ${invoices} invoices costs a call a page and a few, with windows of ${chunkDays} days`, async () => {
      const world = await openWorld({ invoices, from: '2006-01-01', limits: false })
      const settings = { chunk_days: chunkDays, page_size: 20, start_date: '2001-01-01' }
      const run = await world.run({ settings })
      expect(run.code).toBe(0)
      expectComplete(world, [run])
      expectWithinBudget(world, 20)
      const { total } = world.simulator.stats().metered
      expect(run.stderr).toMatch(new RegExp(`^INFO ${total} metered calls?\\b`, 'm'))
    })

/** Dense and empty years, ties on the edges of pages and windows, seconds with more rows than a page. */
async function openUnevenWorld(): Promise<World> {
  const world = await openWorld({ invoices: 0, customers: 1500, items: 0, limits: false })
  insertAt(world.simulator, 'Invoice', [
    ...series('2016-01-05T00:00:00Z', 998, 30),
    ...burst('2016-01-07T00:00:00Z', 5),
    ...burst('2020-01-01T00:00:00Z', 2500),
    ...burst('2021-06-01T23:59:59Z', 1000),
    ...burst('2021-06-02T00:00:00Z', 3),
    ...series('2022-02-01T00:00:00Z', 4000, 60),
    ...burst('2025-12-31T23:59:59Z', 1001),
  ])
  return world
}

for (const [chunkDays, concurrency] of [
  [1, 10],
  [3650, 1],
])
  test.concurrent(`an uneven company costs a call for each thousand rows and a few, with windows of ${chunkDays} days, ${concurrency} at a time`, async () => {
    const world = await openUnevenWorld()
    const settings = { chunk_days: chunkDays, concurrency, start_date: '2016-01-01' }
    const run = await world.run({ settings })
    expect(run.code).toBe(0)
    expectComplete(world, [run])
    expectWithinBudget(world, 1000)
  })

test.concurrent('a backfill of a hundred pages is not faster than ten calls a second, and within its budget', async () => {
  const world = await openWorld({ invoices: 1000, items: 0, customers: 0, limits: false })
  const { simulator } = world
  simulator.switches.latencyMs = 30
  const run = await world.run({ settings: { page_size: 10, concurrency: 8 } })
  expect(run.code).toBe(0)
  expectComplete(world, [run])
  expectWithinBudget(world, 10)
  const times = simulator
    .log()
    .flatMap(({ at, path }) => (path.startsWith('/v3') ? [Date.parse(at)] : []))
  expect(times.length).toBeGreaterThan(100)
  const seconds = ((times.at(-1) as number) - (times[0] as number)) / 1000
  expect(seconds).toBeGreaterThan(times.length / 10 - 1.5)
  expect(simulator.stats().mostUnderWay).toBeLessThanOrEqual(8)
})

test.concurrent('never more requests are under way than concurrency says', async () => {
  const world = await openWorld({ invoices: 60, limits: false })
  world.simulator.switches.latencyMs = 40
  const run = await world.run({ settings: { page_size: 10, concurrency: 2 } })
  expect(run.code).toBe(0)
  expect(world.simulator.stats().mostUnderWay).toBe(2)
})

test.concurrent('a run with nothing new is one call for all streams together', async () => {
  const world = await openWorld({ limits: false })
  const { simulator } = world
  const first = await world.run()
  simulator.clock.advance(86_400)
  simulator.reset()
  const second = await world.run({ state: first.state })
  expect(second.code).toBe(0)
  expect(simulator.stats().metered.byEndpoint).toEqual({ cdc: 1 })
  expect(second.stderr).toMatch(/^INFO 1 metered call\b/m)
  expect(second.state.currently_syncing).toBe(null)
  expect(second.messages.filter(({ type }) => type === 'RECORD')).toEqual([])

  simulator.clock.advance(86_400)
  simulator.reset()
  const third = await world.run({ state: second.state, settings: { deletes: false } })
  expect(simulator.stats().metered).toMatchObject({
    total: 3,
    byEntity: { Invoice: 1, Customer: 1, Item: 1 },
  })
  expect(third.state.currently_syncing).toBe(null)
})

test.concurrent('what is new in one stream costs no query of the others', async () => {
  const world = await openWorld({ limits: false })
  const { simulator } = world
  const first = await world.run()
  simulator.clock.advance(3600)
  const id = simulator.company.insert('Customer')
  simulator.clock.advance(3600)
  simulator.reset()
  const second = await world.run({ state: first.state })
  expect(ids(second, 'customers')).toEqual([id])
  const { byEntity, byEndpoint } = simulator.stats().metered
  expect(byEndpoint.cdc).toBe(1)
  expect(Object.keys(byEntity).sort()).toEqual(['Customer', 'Invoice,Customer,Item'])
  expectComplete(world, [first, second])
})

async function runUntilDone(world: World, settings: Record<string, unknown>): Promise<Run[]> {
  const { simulator } = world
  const runs: Run[] = []
  for (;;) {
    simulator.reset()
    const run = await world.run({ state: runs.at(-1)?.state, settings })
    runs.push(run)
    expect(simulator.stats().metered.total).toBeLessThanOrEqual(Number(settings.call_limit))
    if (run.code === 0) return runs
    expect(run.code).toBe(8)
    expect(run.stderr.trimEnd().split('\n').at(-1)).toMatch(/^WARNING call_limit/)
    expect(runs.length, 'runs').toBeLessThan(45)
    simulator.clock.advance(1)
  }
}

test.concurrent('with whatever call_limit, runs come to the end of streams with a row or a few in one second', async () => {
  for (let limit = 1; limit <= 12; limit++) {
    const world = await openWorld({ invoices: 0, customers: 1, items: 1, limits: false })
    insertAt(world.simulator, 'Invoice', burst('2021-01-01T00:00:00Z', 3))
    const runs = await runUntilDone(world, { call_limit: limit })
    expectComplete(world, runs)
    expect(runs.length, `runs with call_limit ${limit}`).toBeLessThan(2 + 20 / limit)
  }
})

for (const [limit, deletes] of [
  [1, true],
  [2, false],
] as const)
  test.concurrent(`runs of at most ${limit} calls finish a company with 50 rows in one second${deletes ? '' : ', without deletes'}`, async () => {
    const world = await openWorld({ invoices: 0, customers: 3, items: 2, limits: false })
    insertAt(world.simulator, 'Invoice', [
      ...series('2020-01-01T00:00:00Z', 4, 60),
      ...burst('2021-01-01T00:00:00Z', 50),
      ...series('2022-01-01T00:00:00Z', 3, 60),
    ])
    const settings = { call_limit: limit, page_size: 10, deletes, chunk_days: 365 }
    const runs = await runUntilDone(world, {
      ...settings,
      ...(!deletes && { end_date: '2026-06-01' }),
    })
    expect(runs.length).toBeGreaterThan(3)
    expectComplete(world, runs)
  })

test.concurrent('pages of one row and one call a run still get further', async () => {
  const world = await openWorld({ invoices: 0, customers: 0, items: 0, limits: false })
  insertAt(world.simulator, 'Invoice', burst('2020-01-01T00:00:00Z', 2))
  insertAt(world.simulator, 'Invoice', ['2021-01-01T00:00:00Z'])
  const runs = await runUntilDone(world, { call_limit: 1, page_size: 1, end_date: '2026-06-01' })
  expectComplete(world, runs)
})
