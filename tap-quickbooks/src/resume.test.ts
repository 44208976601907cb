import { expect, test } from 'vitest'
import { burst, insertAt, series } from '../fixtures/company.ts'
import {
  changedAt,
  doneRanges,
  expectComplete,
  expectTrueStates,
  records,
  rowTimes,
  STREAM_NAMES,
  seconds,
} from '../fixtures/reading.ts'
import { openWorld, type Run, saw, type World } from '../fixtures/tap.ts'

/** The run as if it had been killed just after its n-th STATE. */
function cutAtState(run: Run, n: number): Run {
  let states = 0
  const end = run.messages.findIndex(({ type }) => type === 'STATE' && ++states === n)
  const messages = run.messages.slice(0, end + 1)
  return { ...run, messages, lines: run.lines.slice(0, end + 1), states: run.states.slice(0, n) }
}

/** A resumed run asks for nothing that lies within ranges that the state says are done. */
function expectNothingTwice(world: World, cut: Run): void {
  const state = cut.states.at(-1)
  if (state === undefined) return
  for (const { query, entity, endpoint } of world.simulator.log()) {
    if (endpoint !== 'query') continue
    const stream = STREAM_NAMES.find((name) => name.startsWith(entity.toLowerCase())) ?? ''
    const [from, to] = [...query.matchAll(/'([^']+)'/g)].map((match) => seconds(match[1]))
    for (const done of doneRanges(state, stream))
      expect(Math.min(to ?? 0, done[1]) - Math.max(from ?? 0, done[0]), query).toBeLessThanOrEqual(
        0,
      )
  }
}

function expectForward(states: Run['states']): void {
  for (const stream of STREAM_NAMES) {
    const marks = states.flatMap((state) => {
      const mark = state.bookmarks[stream]?.replication_key_value
      return mark === undefined ? [] : [seconds(mark)]
    })
    expect(marks).toEqual([...marks].sort((a, b) => a - b))
  }
}

test.concurrent('a run that is cut at any STATE goes on from there without a gap', async () => {
  const world = await openWorld(
    { invoices: 140, customers: 15, items: 4, limits: false },
    { page_size: 9, chunk_days: 400, concurrency: 6 },
  )
  const { simulator } = world
  insertAt(simulator, 'Invoice', burst('2019-06-01T00:00:00Z', 31))
  const whole = await world.run()
  expect(whole.code).toBe(0)
  expectForward(whole.states)
  expect(whole.states.some(({ bookmarks }) => bookmarks.invoices?.completed_ranges)).toBe(true)
  expect(whole.states.some(({ bookmarks }) => bookmarks.invoices?.open_seconds)).toBe(true)
  const cuts = [1, 2, 3, 5, 8, 12, 16, 20, 25, 30].filter((n) => n <= whole.states.length)
  expect(cuts.length).toBeGreaterThan(7)
  for (const n of cuts) {
    const cut = cutAtState(whole, n)
    simulator.reset()
    const rest = await world.run({ state: cut.states.at(-1), settings: { concurrency: 10 } })
    expect(rest.code).toBe(0)
    expectComplete(world, [cut, rest])
    expectNothingTwice(world, cut)
    expectForward([...cut.states, ...rest.states])
    expectTrueStates(rest, rowTimes(simulator), [cut])
  }
})

test.concurrent('a tap that is killed at any point goes on from its last STATE without a gap', async () => {
  const world = await openWorld({ invoices: 70, burst: 15, bursts: 1 }, { page_size: 10 })
  const runs: Run[] = []
  for (let kills = 0; kills < 3; kills++) {
    const state = runs.findLast((run) => run.states.length > 0)?.state
    const running = world.start({ ...(state && { state }), settings: { concurrency: 2 } })
    await saw(running, '"type":"STATE"')
    running.child.kill('SIGKILL')
    const run = await running.ended
    // A line that the kill has cut is no message.
    runs.push({ ...run, lines: run.lines.slice(0, run.messages.length) })
  }
  expectForward(runs.flatMap(({ states }) => states))
  const state = runs.findLast((run) => run.states.length > 0)?.state
  const last = await world.run({ state })
  expect(last.code).toBe(0)
  expectComplete(world, [...runs, last])
})

test.concurrent('a row that was kept from the first moments of a first run, and deleted since, is marked', async () => {
  const world = await openWorld({ invoices: 3, customers: 0, items: 0, limits: false })
  const { simulator } = world
  const first = await world.run()
  const end = first.messages.findIndex(({ type }) => type === 'RECORD') + 1
  const messages = first.messages.slice(0, end)
  const states = messages.filter(({ type }) => type === 'STATE').map(({ value }) => value)
  const kept: Run = { ...first, messages, lines: first.lines.slice(0, end), states }
  simulator.clock.advance(60)
  simulator.company.delete('Invoice', String(messages.at(-1)?.record.Id))
  simulator.clock.advance(60)
  const second = await world.run({ state: states.at(-1) })
  expect(second.code, second.stderr).toBe(0)
  expectComplete(world, [kept, second])
})

test.concurrent('a finished window is not read again, and what changed since comes once', async () => {
  const world = await openWorld({ limits: false }, { deletes: false })
  const { simulator } = world
  const first = await world.run()
  simulator.clock.advance(86_400)
  const touched = simulator.company.ids('Invoice').slice(0, 3)
  for (const id of touched) simulator.company.touch('Invoice', id)
  simulator.clock.advance(60)
  simulator.reset()
  const second = await world.run({ state: first.state })
  expect(
    records(second, 'invoices')
      .map(({ record }) => record.Id)
      .sort(),
  ).toEqual(touched.sort())
  expect(records(second, 'customers')).toEqual([])
  expectNothingTwice(world, first)
  expectForward([...first.states, ...second.states])
  expectComplete(world, [first, second])
})

test.concurrent('running the same window again brings the same rows', async () => {
  const world = await openWorld(
    { invoices: 40, limits: false },
    { start_date: '2019-01-01', end_date: '2023-07-01T12:00:00+02:00' },
  )
  insertAt(world.simulator, 'Invoice', series('2023-07-01T09:59:58Z', 4, 1))
  const [one, two] = [await world.run(), await world.run()]
  const texts = (run: Run) => records(run, 'invoices').map(({ record }) => JSON.stringify(record))
  expect(texts(two)).toEqual(texts(one))
  for (const { record } of records(one, 'invoices')) {
    expect(changedAt(record)).toBeGreaterThanOrEqual(seconds('2019-01-01T00:00:00Z'))
    expect(changedAt(record)).toBeLessThan(seconds('2023-07-01T10:00:00Z'))
  }
  expect(records(one, 'invoices').length).toBe(
    rowTimes(world.simulator).invoices.filter(
      ({ at }) => at >= seconds('2019-01-01T00:00:00Z') && at < seconds('2023-07-01T10:00:00Z'),
    ).length,
  )
})
