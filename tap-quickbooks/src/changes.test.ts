import { expect, test } from 'vitest'
import { expectComplete, ids, load, records, seconds } from '../fixtures/reading.ts'
import { openWorld, type Run } from '../fixtures/tap.ts'

const small = { invoices: 5, customers: 3, items: 3, limits: false } as const

test.concurrent('with one call a run, more deletions than an answer shows come all the same', async () => {
  const world = await openWorld({ ...small, invoices: 2600 })
  const { company, clock } = world.simulator
  const first = await world.run()
  for (const [n, id] of company.ids('Invoice').slice(0, 2500).entries()) {
    if (n % 50 === 0) clock.advance(60)
    company.delete('Invoice', id)
  }
  clock.advance(60)
  const runs: Run[] = [first]
  for (let code: number | null = 8; code === 8; ) {
    expect(runs.length).toBeLessThan(20)
    const state = runs.at(-1)?.state as Run['state']
    const run = await world.run({ state, settings: { call_limit: 1 } })
    code = run.code
    runs.push(run)
    clock.advance(60)
  }
  expect(runs.at(-1)?.code).toBe(0)
  expectComplete(world, runs)
  expect(JSON.stringify(runs.at(-1)?.state)).not.toContain('asked_alone')
})

test.concurrent('an entity that change data capture refuses costs the other streams nothing', async () => {
  const world = await openWorld(small)
  const { company, clock, script } = world.simulator
  const first = await world.run()
  clock.advance(3600)
  company.delete('Invoice', company.ids('Invoice')[2] as string)
  clock.advance(3600)
  script.add({ status: 400, code: '2020', endpoint: 'cdc', entity: 'Item', times: 0 })
  const second = await world.run({ state: first.state })
  expect(second.code).toBe(7)
  expect(second.stderr.trimEnd().split('\n').at(-1)).toMatch(
    /^WARNING .*: deletions of items failed/,
  )
  expectComplete(world, [first, second])
  const known = (run: Run, stream: string) =>
    seconds(run.state.bookmarks[stream]?.deletions_known_to)
  expect(known(second, 'items')).toBe(known(first, 'items'))
  expect(known(second, 'invoices')).toBeGreaterThan(known(first, 'invoices'))

  // From then on the two others need one call together, and Item is asked by itself.
  clock.advance(3600)
  world.simulator.reset()
  const third = await world.run({ state: second.state })
  expect(third.code).toBe(7)
  const asked = world.simulator
    .log()
    .filter(({ endpoint, status }) => endpoint === 'cdc' && status !== 401)
  expect(asked.map(({ entity }) => entity)).toEqual(['Item', 'Invoice,Customer'])
  script.clear()
  clock.advance(60)
  const fourth = await world.run({ state: third.state })
  expect(fourth.code).toBe(0)
  expect(JSON.stringify(fourth.state)).not.toContain('asked_alone')
})

test.concurrent('deletions of the time in which they were not asked for are made up for, or told', async () => {
  const world = await openWorld(small, { deletes: false })
  const { company, clock } = world.simulator
  const first = await world.run()
  clock.advance(86_400)
  const gone = company.ids('Invoice')[0] as string
  company.delete('Invoice', gone)
  clock.advance(86_400)
  const second = await world.run({ state: first.state })
  expect(load([first, second], 'invoices').has(gone)).toBe(true)
  clock.advance(86_400)
  const third = await world.run({ state: second.state, settings: { deletes: true } })
  expect(third.code).toBe(0)
  expectComplete(world, [first, second, third])

  clock.advance(40 * 86_400)
  const fourth = await world.run({ state: second.state, settings: { deletes: true } })
  expect(fourth.stderr).toMatch(/^WARNING invoices: deletions since .* cannot be known/m)
})

test.concurrent("an API whose clock is behind its token end point's loses no row", async () => {
  const world = await openWorld(small, { settle_seconds: 10 })
  const { company, clock, script } = world.simulator
  const ahead = (): void => {
    script.clear()
    const time = new Date(clock.now() + 300_000).toUTCString()
    script.add({ endpoint: 'token', times: 0, headers: { Date: time } })
  }
  const runs: Run[] = []
  for (let n = 0; n < 3; n++) {
    ahead()
    const run = await world.run(n === 0 ? {} : { state: runs[n - 1]?.state })
    expect(run.code).toBe(0)
    if (n === 0)
      expect(run.stderr).toMatch(/^WARNING .* behind its token end point's; the range ends/m)
    const upper = seconds(run.state.bookmarks.invoices?.replication_key_value)
    expect(upper).toBeLessThanOrEqual(clock.now() / 1000 - 10)
    expect(run.state.currently_syncing).toBe(null)
    runs.push(run)
    // Written right after the run, within the 300 seconds.
    company.edit('Invoice', company.ids('Invoice')[n] as string)
    company.insert('Customer')
    clock.advance(100)
  }
  ahead()
  runs.push(await world.run({ state: runs.at(-1)?.state }))
  expectComplete(world, runs)
  expect(ids(runs[3] as Run, 'invoices')).toHaveLength(1)
  expect(records(runs[3] as Run, 'customers')).toHaveLength(1)
})

test.concurrent('a clock that was ahead in an earlier run hides no deletion', async () => {
  const world = await openWorld(small)
  const { company, clock, script } = world.simulator
  const time = new Date(clock.now() + 7_200_000).toUTCString()
  script.add({ endpoint: 'token', times: 0, headers: { Date: time } })
  const first = await world.run()
  expect(first.code).toBe(0)
  expect(seconds(first.state.bookmarks.invoices?.deletions_known_to)).toBeLessThanOrEqual(
    clock.now() / 1000,
  )
  script.clear()
  clock.advance(600)
  company.delete('Invoice', company.ids('Invoice')[0] as string)
  clock.advance(3600)
  const second = await world.run({ state: first.state })
  expectComplete(world, [first, second])

  // A state that somebody has edited knows the future.
  company.delete('Invoice', company.ids('Invoice')[0] as string)
  clock.advance(3600)
  const known = structuredClone(second.state)
  Object.assign(known.bookmarks.invoices ?? {}, { deletions_known_to: '2036-01-01T00:00:00Z' })
  const third = await world.run({ state: known })
  expect(third.stderr).toMatch(/^WARNING invoices: the state knows deletions up to 2036.*future/m)
  expectComplete(world, [first, second, third])
})

test.concurrent('a row that change data capture calls deleted while it lives comes again', async () => {
  const world = await openWorld(small)
  const { company, clock, script } = world.simulator
  const first = await world.run()
  clock.advance(3600)
  const id = company.ids('Invoice')[1] as string
  company.edit('Invoice', id)
  const at = new Date(clock.now()).toISOString()
  const row = { domain: 'QBO', status: 'Deleted', Id: id, MetaData: { LastUpdatedTime: at } }
  const blocks = [{ Invoice: [row], maxResults: 1, totalCount: 1 }, {}, {}]
  const text = JSON.stringify({ CDCResponse: [{ QueryResponse: blocks }], time: at })
  script.add({ endpoint: 'cdc', status: 200, body: 'text', text })
  clock.advance(60)
  const second = await world.run({ state: first.state })
  expect(second.code).toBe(0)
  expect(
    records(second, 'invoices').map(({ record }) => record._sdc_deleted_at !== undefined),
  ).toEqual([true, false])
  expectComplete(world, [first, second])
})

test.concurrent('an empty answer at the beginning of a reload marks nothing', async () => {
  const world = await openWorld({ ...small, invoices: 30 }, { on_delete_gap: 'reload' })
  const { company, clock, script } = world.simulator
  const settings = { settle_seconds: 30 }
  const first = await world.run()
  clock.advance(40 * 86_400)
  // Younger than the settle time: a record of the new version comes, whatever the reload finds.
  company.edit('Invoice', company.ids('Invoice')[0] as string)
  clock.advance(10)
  script.add({ endpoint: 'query', entity: 'Invoice', maxResults: 0 })
  const second = await world.run({ state: first.state, settings })
  expect(second.code).toBe(0)
  const activated = second.messages.filter(({ type }) => type === 'ACTIVATE_VERSION')
  expect(activated.map(({ stream }) => stream)).toContain('invoices')
  expect([...load([second], 'invoices').keys()].sort()).toEqual(company.ids('Invoice').sort())
})
