import { expect, test } from 'vitest'
import { burst, dice, disturb, insertAt, series } from '../fixtures/company.ts'
import { expectComplete, ids, load, rowTimes } from '../fixtures/reading.ts'
import { openWorld, type World } from '../fixtures/tap.ts'

/** Bursts before, on and after the edges of pages, and on the edge of a window of 30 days. */
async function openBusyWorld(): Promise<World> {
  const world = await openWorld(
    { invoices: 0, customers: 4, items: 3 },
    { start_date: '2024-01-01T00:00:00Z' },
  )
  insertAt(world.simulator, 'Invoice', [
    ...series('2024-01-01T00:00:00Z', 3, 1),
    ...burst('2024-01-31T00:00:00Z', 9),
    ...series('2024-02-03T00:00:00Z', 2, 60),
    ...burst('2024-03-01T00:00:00Z', 7),
    ...burst('2024-03-01T00:00:01Z', 3),
    ...series('2024-05-01T00:00:00Z', 2, 1),
    ...burst('2024-06-01T00:00:00Z', 14),
  ])
  insertAt(world.simulator, 'Customer', series('2024-01-30T23:59:59Z', 3, 1))
  insertAt(world.simulator, 'Item', burst('2024-02-01T00:00:00Z', 3))
  return world
}

for (const pageSize of [1, 2, 3, 7, 1000])
  test.concurrent(`pages of ${pageSize} bring every row, also where many changed in one second`, async () => {
    const world = await openBusyWorld()
    const { simulator } = world
    // What the generator made before 2024 is not asked for.
    for (const entity of ['Customer', 'Item'])
      for (const id of simulator.company.ids(entity)) simulator.company.touch(entity, id)
    simulator.clock.advance(5)
    const run = await world.run({ settings: { page_size: pageSize } })
    expect(run.code).toBe(0)
    expectComplete(world, [run])
    expect(new Set(ids(run, 'invoices')).size).toBe(ids(run, 'invoices').length)
  })

for (const [seed, pageSize, concurrency] of [
  [1, 4, 1],
  [2, 7, 4],
  [3, 2, 4],
  [4, 10, 10],
  [5, 1000, 4],
] as const)
  test.concurrent(`whatever is edited while pages of ${pageSize} are read, this run and one more equal the company (seed ${seed})`, async () => {
    const world = await openWorld({ seed, invoices: 60, burst: 11, bursts: 2, customers: 25 })
    const { simulator } = world
    const roll = dice(seed)
    const touched = new Set<string>()
    simulator.script.onAnswer((n) => {
      if (n > 40) return
      for (const id of disturb(simulator, roll)) touched.add(id)
      if (roll() < 0.5) for (const id of disturb(simulator, roll)) touched.add(id)
    })
    const before = rowTimes(simulator)
    const settings = { page_size: pageSize, concurrency, chunk_days: 100 }
    const first = await world.run({ settings })
    expect(first.code).toBe(0)
    const untouched = before.invoices.filter(({ id }) => !touched.has(`Invoice ${id}`))
    expect(untouched.length).toBeGreaterThan(5)
    const got = load([first], 'invoices')
    expect(untouched.filter(({ id }) => !got.has(id))).toEqual([])

    simulator.script.clear()
    simulator.clock.advance(3600)
    const second = await world.run({ settings, state: first.state })
    expect(second.code).toBe(0)
    expectComplete(world, [first, second])
  })

test.concurrent('an edit between two pages costs the naive way a row, and the tap none', async () => {
  const world = await openWorld({ invoices: 40, limits: false })
  const { simulator } = world
  const first = simulator.company.ids('Invoice')
  simulator.script.onAnswer((n, { endpoint }) => {
    if (endpoint === 'query' && n <= 3) simulator.company.edit('Invoice', first[n] as string)
  })
  const run = await world.run({ settings: { page_size: 10, concurrency: 1 } })
  expect(first.slice(4).filter((id) => !ids(run, 'invoices').includes(id))).toEqual([])

  simulator.script.clear()
  const order = simulator.company.ids('Invoice')
  let edits = 0
  simulator.script.onAnswer(() => {
    if (edits < 3) simulator.company.edit('Invoice', order[edits++] as string)
  })
  const naive = new Set<string>()
  for (let start = 1; start <= 31; start += 10) {
    const query =
      "select * from Invoice where MetaData.LastUpdatedTime < '2026-01-01T00:00:00Z' " +
      `orderby MetaData.LastUpdatedTime startposition ${start} maxresults 10`
    const { base_url, realm_id } = simulator.config
    const url = `${base_url}/v3/company/${realm_id}/query?query=${encodeURIComponent(query)}`
    const headers = { authorization: `Bearer ${simulator.tokens.accessToken()}` }
    const body = (await (await fetch(url, { headers })).json()) as {
      QueryResponse: { Invoice?: { Id: string }[] }
    }
    for (const { Id } of body.QueryResponse.Invoice ?? []) naive.add(Id)
  }
  expect(order.slice(4, 36).filter((id) => !naive.has(id)).length).toBeGreaterThan(0)
})

test.concurrent('a row that becomes visible late is found by a look-back', async () => {
  const world = await openWorld({ invoices: 12, limits: false }, { deletes: false })
  const { simulator } = world
  const first = await world.run()
  const upper = String(first.state.bookmarks.invoices?.replication_key_value)
  const [late] = insertAt(simulator, 'Invoice', [
    new Date(Date.parse(upper) - 20_000).toISOString().replace('.000Z', 'Z'),
  ])
  simulator.clock.advance(100)
  const without = await world.run({ state: first.state })
  expect(ids(without, 'invoices')).toEqual([])
  for (const deletes of [true, false]) {
    const settings = { lookback_seconds: 30, deletes }
    const second = await world.run({ state: first.state, settings })
    expect(ids(second, 'invoices')).toEqual([late])
    expectComplete(world, [first, second])
  }
})

for (const fault of [
  { maxResults: 3, times: 0 },
  { maxResults: 2, times: 0 },
  { maxResults: 2, times: 1, after: 1, entity: 'Invoice' },
  { repeatRow: true, times: 0 },
  { extraRows: 2, times: 0 },
])
  test.concurrent(`an answer that is not what was asked for loses no row: ${JSON.stringify(fault)}`, async () => {
    const world = await openWorld({ invoices: 25, customers: 5, items: 4, limits: false })
    insertAt(world.simulator, 'Invoice', burst('2021-01-01T00:00:00Z', 6))
    world.simulator.script.add({ endpoint: 'query', ...fault })
    const run = await world.run({ settings: { page_size: 10 } })
    expect(run.code).toBe(0)
    expectComplete(world, [run])
  })
