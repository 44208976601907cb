import { expect, test } from 'vitest'
import { insertAt } from '../fixtures/company.ts'
import { expectComplete, ids, records, seconds } from '../fixtures/reading.ts'
import { openWorld } from '../fixtures/tap.ts'

for (const hours of [0, 24, -24])
  test.concurrent(`the upper bound comes from QuickBooks' clock, ${hours} hours from the local one, and costs no metered call`, async () => {
    const world = await openWorld(
      { limits: false, clockOffsetMs: hours * 3_600_000 },
      { deletes: false, end_date: '2099-01-01' },
    )
    const { simulator } = world
    // The second run has an access token already, so that no token answer tells it the time.
    let state: unknown
    for (const settle of [0, 30]) {
      simulator.reset()
      const before = Math.floor(simulator.clock.now() / 1000)
      const run = await world.run({ settings: { settle_seconds: settle }, state })
      const after = Math.floor(simulator.clock.now() / 1000)
      expect(run.code).toBe(0)
      const upper = seconds(run.state.bookmarks.invoices?.replication_key_value)
      expect(upper).toBeGreaterThanOrEqual(before - settle)
      expect(upper).toBeLessThanOrEqual(after - settle)
      expect(Number.isInteger(upper)).toBe(true)
      expect(run.stderr).toMatch(/end_date is cut to \d{4}-/)
      expect(simulator.stats().metered.byEndpoint).toEqual({ query: expect.any(Number) })
      state = run.state
      simulator.clock.advance(600)
    }
    expect(simulator.tokens.counts.refreshes).toBe(0)
    for (const { record, time_extracted } of records(await world.run(), 'invoices')) {
      expect(record.Id).toBeTruthy()
      expect(Math.abs(Date.parse(String(time_extracted)) - simulator.clock.now())).toBeLessThan(
        60_000,
      )
    }
  })

test.concurrent('rows of the last settle_seconds wait for the next run', async () => {
  const world = await openWorld({ invoices: 3, limits: false }, { settle_seconds: 60 })
  const { simulator } = world
  simulator.clock.advance(100)
  const now = Math.floor(simulator.clock.now() / 1000)
  const at = (ago: number) => new Date((now - ago) * 1000).toISOString().replace('.000Z', 'Z')
  const [old, young] = insertAt(simulator, 'Invoice', [at(90), at(20)])
  const first = await world.run()
  expect(ids(first, 'invoices')).toContain(old)
  expect(ids(first, 'invoices')).not.toContain(young)
  simulator.clock.advance(100)
  const second = await world.run({ state: first.state })
  expect(ids(second, 'invoices')).toEqual([young])
  expectComplete(world, [first, second])
})
