import { expect, test } from 'vitest'
import { burst, insertAt, series } from '../fixtures/company.ts'
import { expectComplete, ids, seconds } from '../fixtures/reading.ts'
import { openWorld, type Run, type World } from '../fixtures/tap.ts'

const LOOKBACK = 60
const small = { invoices: 5, customers: 2, items: 1, limits: false } as const

/** A company that stands still in time, and a finished run. `at` gives a time so many seconds on. */
async function openRead(
  settings: Record<string, unknown> = {},
): Promise<{ world: World; first: Run; at(seconds: number): string }> {
  const world = await openWorld(small, { lookback_seconds: LOOKBACK, ...settings })
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

test.concurrent('what an earlier run has read up to end_date is looked at again, though a later run closes a gap before it', async () => {
  const world = await openWorld(
    { ...small, invoices: 0 },
    { lookback_seconds: 600, deletes: false },
  )
  const { clock } = world.simulator
  const now = Math.floor(clock.now() / 1000)
  const iso = (at: number) => new Date(at * 1000).toISOString().replace('.000Z', 'Z')
  const end = now - 5
  insertAt(world.simulator, 'Invoice', series(iso(end - 4000), 40, 100))
  const settings = { end_date: iso(end) }
  const first = await world.run({ settings })
  // As a run that was killed while it read parts leaves it: the last part is done, one before not.
  const state = structuredClone(first.state)
  Object.assign(state.bookmarks.invoices ?? {}, {
    replication_key_value: iso(end - 3000),
    completed_ranges: [[iso(end - 2000), iso(end)]],
    read_as_of: iso(now),
  })
  clock.advance(100)
  insertAt(world.simulator, 'Invoice', [iso(end - 300)])
  clock.advance(3600)
  const closed = await world.run({ state, settings })
  const last = await world.run({ state: closed.state })
  expect([closed.code, last.code]).toEqual([0, 0])
  expectComplete(world, [first, closed, last])
})

for (const poisonSparesProjection of [true, false])
  test.concurrent(`a poisoned row within the look-back is asked for until it can be read (named: ${poisonSparesProjection})`, async () => {
    const world = await openWorld(small, { lookback_seconds: 600, deletes: false })
    const { clock, script } = world.simulator
    const runs = [await world.run()]
    clock.advance(100)
    const late = new Date(Math.floor(clock.now() / 1000 - 300) * 1000).toISOString()
    const [bad] = insertAt(world.simulator, 'Invoice', [late]) as [string]
    script.add({ poisonedId: bad, poisonSparesProjection, entity: 'Invoice', times: 0 })
    for (let n = 0; n < 4; n++) {
      runs.push(await world.run({ state: runs.at(-1)?.state }))
      expect(runs.at(-1)?.code).toBe(7)
      clock.advance(400)
    }
    script.clear()
    const healed = await world.run({ state: runs.at(-1)?.state })
    expect(healed.code).toBe(0)
    expectComplete(world, [...runs, healed])
    expect(healed.state.bookmarks.invoices).not.toHaveProperty('unreadable_ranges')
  })
