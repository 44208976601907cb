import { expect, test } from 'vitest'
import { burst, insertAt, series } from '../fixtures/company.ts'
import { expectComplete, ids, seconds } from '../fixtures/reading.ts'
import { openWorld, type Run, type World } from '../fixtures/tap.ts'

const LOOKBACK = 60

/** A company that stands still in time, and a finished run. `at` gives a time so many seconds on. */
async function openRead(
  settings: Record<string, unknown> = {},
): Promise<{ world: World; first: Run; at(seconds: number): string }> {
  const options = { invoices: 5, customers: 2, items: 1, limits: false } as const
  const world = await openWorld(options, { lookback_seconds: LOOKBACK, ...settings })
  world.simulator.clock.freeze()
  const first = await world.run()
  expect(first.code).toBe(0)
  const upper = seconds(first.state.bookmarks.invoices?.replication_key_value)
  const at = (offset: number) =>
    new Date((upper + offset) * 1000).toISOString().replace('.000Z', 'Z')
  return { world, first, at }
}

test.concurrent('a run that goes on inside a second looks back too', async () => {
  const { world, first, at } = await openRead({ deletes: false })
  const { simulator } = world
  insertAt(simulator, 'Invoice', burst(at(10), 7))
  simulator.clock.advance(20)
  const settings = { call_limit: 4, page_size: 3, concurrency: 1 }
  const second = await world.run({ state: first.state, settings })
  expect(second.code).toBe(8)
  expect(second.state.bookmarks.invoices?.open_seconds).toHaveLength(1)
  const [late] = insertAt(simulator, 'Invoice', [at(5)])
  simulator.clock.advance(20)
  const third = await world.run({ state: second.state })
  expect(ids(third, 'invoices')).toContain(late)
  expectComplete(world, [first, second, third])
})

for (const deletes of [true, false])
  test.concurrent(`what became visible late is looked for before every range that is left${deletes ? '' : ', without deletes'}`, async () => {
    const { world, first, at } = await openRead({ deletes })
    const { simulator } = world
    const [early, done] = insertAt(simulator, 'Invoice', [at(100), at(300)])
    simulator.clock.advance(400)
    const second = await world.run({ state: first.state })
    expect(ids(second, 'invoices')).toEqual([early, done])
    // As if the run had been killed when the part from 200 s to its end was read, the other not.
    const { invoices } = structuredClone(second.state.bookmarks)
    if (invoices === undefined) throw new Error('no bookmark')
    invoices.replication_key_value = at(50)
    invoices.completed_ranges = [[at(200), at(400)]]
    invoices.read_as_of = at(0)
    const [late] = insertAt(simulator, 'Invoice', [at(380)])
    simulator.clock.advance(100)
    const third = await world.run({
      state: { ...second.state, bookmarks: { ...second.state.bookmarks, invoices } },
    })
    expect(ids(third, 'invoices')).toEqual(expect.arrayContaining([early, late]))
    expect(ids(third, 'invoices')).not.toContain(done)
    expectComplete(world, [first, second, third])
  })

test.concurrent('the bookmark stays until everything before it has been looked at again', async () => {
  const { world, first, at } = await openRead({ deletes: false })
  const { simulator } = world
  const late = insertAt(simulator, 'Invoice', series(at(-55), 50, 1))
  insertAt(simulator, 'Invoice', series(at(1), 50, 1))
  simulator.clock.advance(60)
  const settings = { page_size: 3, concurrency: 6 }
  const second = await world.run({ state: first.state, settings })
  const before = second.messages.slice(
    0,
    second.messages.findIndex(
      ({ type, value }) =>
        type === 'STATE' &&
        seconds(value.bookmarks.invoices?.replication_key_value) > seconds(at(0)),
    ),
  )
  expect(before.length).toBeGreaterThan(50)
  expect(ids({ messages: before }, 'invoices')).toEqual(expect.arrayContaining(late))
  expectComplete(world, [first, second])
})

test.concurrent('what was settled when it was read is not looked at again: runs of one call get further', async () => {
  const world = await openWorld({ invoices: 0, customers: 1, items: 1, limits: false })
  const { simulator } = world
  insertAt(simulator, 'Invoice', series('2024-01-01T00:00:00Z', 8, 10))
  const settings = { lookback_seconds: 3600, call_limit: 1, page_size: 4, end_date: '2026-06-01' }
  const runs: Run[] = []
  do {
    simulator.clock.advance(10)
    runs.push(await world.run({ state: runs.at(-1)?.state, settings }))
  } while (runs.at(-1)?.code === 8 && runs.length < 25)
  expect(runs.at(-1)?.code).toBe(0)
  expectComplete(world, runs)
})
