import { expect, test } from 'vitest'
import type { Fault } from '../../dev/simulator/index.ts'
import { burst, insertAt, series } from '../fixtures/company.ts'
import { doneRanges, expectComplete, held, load, seconds } from '../fixtures/reading.ts'
import { openWorld, type Run, type World } from '../fixtures/tap.ts'

const small = { invoices: 0, customers: 5, items: 4, limits: false } as const

/** What the runs brought of the invoices is all but these. */
function expectAllBut(world: World, runs: readonly Run[], left: readonly string[]): void {
  const wanted = held(world.simulator, 'invoices')
  for (const id of left) wanted.delete(id)
  const got = load(runs, 'invoices')
  expect([...got.keys()].sort()).toEqual([...wanted.keys()].sort())
  expect(got).toEqual(wanted)
}

const ways: [string, Fault, RegExp][] = [
  ['4002', { poisonCode: '4002', poisonSparesProjection: true }, /Invoice \d+, last changed/],
  ['610', { poisonCode: '610' }, /Invoice of unknown Id, last changed between 20/],
  ['10000', { poisonCode: '10000', poisonSparesProjection: true }, /Invoice \d+, last changed/],
]

for (const [position, concurrency] of [
  [0, 4],
  [1, 1],
  [59, 4],
  [60, 1],
  [199, 4],
] as const)
  test.concurrent(`a row that poisons its page is found and left out, the rest is loaded (row ${position}, concurrency ${concurrency})`, async () => {
    const world = await openWorld(small, { page_size: 20, concurrency })
    const { script, company, clock } = world.simulator
    const ids = insertAt(world.simulator, 'Invoice', series('2020-01-01T00:00:00Z', 200, 7200))
    const bad = ids[position] as string
    const [, fault, said] = ways[position % ways.length] as (typeof ways)[number]
    script.add({ ...fault, poisonedId: bad, times: 0 })
    const run = await world.run()
    expect(run.code).toBe(7)
    expectAllBut(world, [run], [bad])
    expect(run.stderr).toMatch(said)
    if (said.source.includes('\\d+'))
      expect(run.stderr).toMatch(new RegExp(`^ERROR invoices: 1 row .*Invoice ${bad}, .*tid`, 'm'))
    expect(run.stderr.trimEnd().split('\n').at(-1)).toMatch(/^WARNING finished, but.*invoices/)
    expect(new Set(run.stderr.match(/^ERROR/gm)).size).toBe(1)

    // Its second alone is left open, or what lies between its neighbours where it has no name; a
    // second run asks for no more than that.
    const at = Date.parse('2020-01-01T00:00:00Z') / 1000 + position * 7200
    const ranges = doneRanges(run.state, 'invoices')
    const isNamed = fault.poisonSparesProjection === true
    expect(ranges[0]?.[1]).toBe(isNamed ? at : at - 7200)
    const next = ids[position + 1] === undefined ? undefined : at + 7201
    expect(ranges[1]?.[0]).toBe(isNamed ? at + 1 : next)
    expect(run.state.currently_syncing).toBe('invoices')
    clock.advance(60)
    const again = await world.run({ state: run.state })
    expect(again.code).toBe(7)
    expectAllBut(world, [run, again], [bad])
    const neighbours = load([again], 'invoices').size
    expect(neighbours).toBeLessThanOrEqual(isNamed ? 0 : 2)

    // Mended in QuickBooks, the row comes.
    script.clear()
    company.edit('Invoice', bad)
    clock.advance(60)
    const mended = await world.run({ state: again.state })
    expect(mended.code).toBe(0)
    expectComplete(world, [run, again, mended])
    expect(seconds(mended.state.bookmarks.invoices?.replication_key_value)).toBeGreaterThan(at)
    expect(mended.state.bookmarks.invoices?.completed_ranges).toBeUndefined()
  })

test.concurrent('poisoned rows among many of one second, and several in a stream', async () => {
  const world = await openWorld(small, { page_size: 10, max_attempts: 2 })
  const { script } = world.simulator
  const crowd = insertAt(world.simulator, 'Invoice', burst('2021-05-05T05:05:05Z', 35))
  const others = insertAt(world.simulator, 'Invoice', series('2022-01-01T00:00:00Z', 40, 60))
  const bad = [crowd[17], crowd[18], others[3], others[4], others[39]] as string[]
  script.add({ poisonedId: bad, poisonSparesProjection: true, times: 0, entity: 'Invoice' })
  const run = await world.run()
  expect(run.code).toBe(7)
  expectAllBut(world, [run], bad)
  for (const id of bad) expect(run.stderr).toContain(`Invoice ${id}, last changed`)
  expect(run.stderr).toMatch(/^ERROR invoices: 5 rows cannot be read/m)
})

test.concurrent('a poisoned row costs ten metered calls and no more', async () => {
  const world = await openWorld(small, { concurrency: 1 })
  const ids = insertAt(world.simulator, 'Invoice', series('2020-01-01T00:00:00Z', 2500, 60))
  const clean = await world.run()
  const before = world.simulator.stats().metered.byEntity.Invoice as number
  expect(clean.code).toBe(0)
  const bad = ids[1313] as string
  world.simulator.script.add({ poisonedId: bad, times: 0, poisonSparesProjection: true })
  const run = await world.run()
  expect(run.code).toBe(7)
  expectAllBut(world, [run], [bad])
  const calls = (world.simulator.stats().metered.byEntity.Invoice as number) - before
  expect(calls).toBeLessThanOrEqual(before + 10)
})

for (const callLimit of [1, 2, 5])
  test.concurrent(`with ${callLimit} calls a run a poisoned row holds nothing else back`, async () => {
    const settings = { page_size: 10, call_limit: callLimit, deletes: false }
    const world = await openWorld({ ...small, customers: 0, items: 0 }, settings)
    const ids = insertAt(world.simulator, 'Invoice', series('2020-01-01T00:00:00Z', 60, 7200))
    const bad = ids[33] as string
    world.simulator.script.add({ poisonedId: bad, times: 0, entity: 'Invoice' })
    const runs: Run[] = []
    for (let state: Run['state'] | undefined; load(runs, 'invoices').size < 59; ) {
      expect(runs.length).toBeLessThan(60)
      const run = await world.run(state === undefined ? {} : { state })
      expect([7, 8]).toContain(run.code)
      runs.push(run)
      state = run.state
    }
    expectAllBut(world, runs, [bad])
    expect(JSON.stringify(runs.at(-1)?.state)).not.toContain('undefined')
  })

for (const callLimit of [1, 3])
  test.concurrent(`a row that became poisoned leaves the other streams their share of ${callLimit} calls a run`, async () => {
    const world = await openWorld(small, { page_size: 10 })
    const { company, clock, script } = world.simulator
    const ids = insertAt(world.simulator, 'Invoice', series('2020-01-01T00:00:00Z', 20, 7200))
    const runs = [await world.run()]
    const [bad, gone] = ids as [string, string]
    clock.advance(3600)
    company.edit('Invoice', bad)
    company.delete('Invoice', gone)
    company.edit('Customer', company.ids('Customer')[0] as string)
    script.add({ poisonedId: bad, times: 0, entity: 'Invoice' })
    for (let n = 0; n < 9; n++) {
      clock.advance(3600)
      const state = runs.at(-1)?.state
      runs.push(await world.run({ state, settings: { call_limit: callLimit } }))
      expect([7, 8]).toContain(runs.at(-1)?.code)
    }
    expect(runs.at(-1)?.state.bookmarks.invoices).toHaveProperty('unreadable_ranges')
    expect(load(runs, 'invoices').has(gone)).toBe(false)
    expect(load(runs, 'customers')).toEqual(held(world.simulator, 'customers'))
  })

test.concurrent('a refusal that passes costs nothing but calls', async () => {
  const world = await openWorld(small, { page_size: 10 })
  insertAt(world.simulator, 'Invoice', series('2020-01-01T00:00:00Z', 60, 7200))
  world.simulator.script.add({ status: 400, code: '4002', entity: 'Invoice', after: 3 })
  const run = await world.run()
  expect(run.code).toBe(0)
  expectComplete(world, [run])
})

test.concurrent('a row that QuickBooks fails on with 500 is found too, and no try is repeated for it', async () => {
  const world = await openWorld(small, { page_size: 10, backoff_seconds: 30 })
  const ids = insertAt(world.simulator, 'Invoice', series('2020-01-01T00:00:00Z', 30, 7200))
  const bad = ids[17] as string
  const fault = { poisonedId: bad, poisonCode: '10000', poisonStatus: 500 } as const
  world.simulator.script.add({ ...fault, times: 0, entity: 'Invoice' })
  const run = await world.run({ settings: { max_attempts: 1 } })
  expect(run.code).toBe(7)
  expectAllBut(world, [run], [bad])
})

test.concurrent('a poisoned row is found while the books are edited', async () => {
  const world = await openWorld(small, { page_size: 10, concurrency: 2 })
  const { script, company, clock } = world.simulator
  const ids = insertAt(world.simulator, 'Invoice', series('2020-01-01T00:00:00Z', 100, 7200))
  const bad = ids[47] as string
  script.add({ poisonedId: bad, times: 0 })
  let edited = 0
  let isOver = false
  script.onAnswer((n) => {
    // Neighbours of the poisoned row leave their places between any two requests.
    const id = ids[(40 + n * 3) % 100] as string
    if (id === bad || isOver) return
    edited++
    company.edit('Invoice', id)
  })
  const run = await world.run()
  expect(run.code).toBe(7)
  expect(edited).toBeGreaterThan(20)
  isOver = true
  clock.advance(120)
  const again = await world.run({ state: run.state })
  expect(again.code).toBe(7)
  expectAllBut(world, [run, again], [bad])
})

test.concurrent('who refuses every answer, even a count, is no poisoned row', async () => {
  const world = await openWorld({ ...small, invoices: 20 })
  world.simulator.script.add({ status: 400, code: '4002', times: 0, entity: 'Invoice' })
  const run = await world.run()
  expect(run.code).toBe(7)
  expect(run.stderr).toMatch(/^ERROR invoices: QuickBooks answers 400 code 4002/m)
  const asked = world.simulator.log().filter(({ entity }) => entity === 'Invoice')
  expect(asked.map(({ query }) => query.slice(0, 15))).toEqual([
    'select * from I',
    'select count(*)',
  ])
})

test.concurrent('a reload with a poisoned row marks nothing until it is whole', async () => {
  const world = await openWorld(small, { on_delete_gap: 'reload' })
  const { script, clock } = world.simulator
  const ids = insertAt(world.simulator, 'Invoice', series('2020-01-01T00:00:00Z', 30, 7200))
  const first = await world.run()
  clock.advance(40 * 86_400)
  script.add({ poisonedId: ids[7] as string, times: 0 })
  const second = await world.run({ state: first.state })
  expect(second.code).toBe(7)
  const activated = (run: Run) =>
    run.messages.filter(({ type, stream }) => type === 'ACTIVATE_VERSION' && stream === 'invoices')
  expect(activated(second)).toHaveLength(0)
  expect(second.state.bookmarks.invoices).toMatchObject({ reloading: true })
  script.clear()
  clock.advance(60)
  const third = await world.run({ state: second.state })
  expect(third.code).toBe(0)
  expect(activated(third)).toHaveLength(1)
  const { version } = second.state.bookmarks.invoices as { version?: number }
  expect(load([second, third], 'invoices')).toEqual(held(world.simulator, 'invoices'))
  for (const run of [second, third])
    for (const { type, stream, version: of } of run.messages)
      if (type === 'RECORD' && stream === 'invoices') expect(of).toBe(version)
})
