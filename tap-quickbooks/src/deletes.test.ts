import { expect, test } from 'vitest'
import { expectComplete, ids, load, records, seconds } from '../fixtures/reading.ts'
import { openWorld, type Run, startTap, type World } from '../fixtures/tap.ts'

/** Edits with a second between each, so that no two share one. */
function spread({ simulator }: World, entity: string, some: string[], act: 'delete' | 'touch') {
  for (const id of some) {
    simulator.clock.advance(1)
    simulator.company[act](entity, id)
  }
  simulator.clock.advance(60)
}

const deleted = (run: Run, stream: string) =>
  records(run, stream).filter(({ record }) => record._sdc_deleted_at !== undefined)

test.concurrent('an object that is deleted between two runs arrives once, as a marked record', async () => {
  const world = await openWorld({ limits: false })
  const { simulator } = world
  const first = await world.run()
  expect(simulator.stats().metered.byEndpoint.cdc).toBe(undefined)
  simulator.clock.advance(7200)
  const [id] = simulator.company.ids('Invoice').slice(4) as [string]
  const at = Math.floor(simulator.clock.now() / 1000)
  simulator.company.delete('Invoice', id)
  simulator.clock.advance(7200)
  simulator.reset()
  const second = await world.run({ state: first.state })
  expect(second.code).toBe(0)
  expectComplete(world, [first, second])
  const [{ record, time_extracted } = { record: undefined }] = deleted(second, 'invoices')
  expect(record).toMatchObject({ Id: id, status: 'Deleted', MetaData: {}, domain: 'QBO' })
  expect(Math.abs(seconds(record?._sdc_deleted_at) - at)).toBeLessThanOrEqual(1)
  expect(record?._sdc_deleted_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  expect(seconds(record?.MetaData.LastUpdatedTime)).toBe(seconds(record?._sdc_deleted_at))
  expect(time_extracted).toMatch(/Z$/)
  const asked = simulator.log().find(({ endpoint }) => endpoint === 'cdc')
  expect(record?._sdc_request_payload).toEqual({
    method: 'GET',
    path: asked?.path,
    query: asked?.query,
  })
  expect(record?._sdc_page_number).toBe(1)
  expect(Number.isInteger(record?._sdc_page_size)).toBe(true)
  const [start, end] = [record?._sdc_extract_window_start_utc, record?._sdc_extract_window_end_utc]
  expect(seconds(start)).toBeLessThanOrEqual(seconds(record?._sdc_deleted_at))
  expect(seconds(end)).toBeGreaterThan(seconds(record?._sdc_deleted_at))

  simulator.clock.advance(7200)
  const third = await world.run({ state: second.state })
  expect(third.messages.filter(({ type }) => type === 'RECORD')).toEqual([])
})

test.concurrent('a customer that is merged into another is marked, the other comes anew', async () => {
  const world = await openWorld({ limits: false })
  const { simulator } = world
  const first = await world.run()
  simulator.clock.advance(60)
  const [loser, winner] = simulator.company.ids('Customer') as [string, string]
  simulator.company.merge('Customer', loser, winner)
  simulator.clock.advance(60)
  const second = await world.run({ state: first.state })
  expect(deleted(second, 'customers').map(({ record }) => record.Id)).toEqual([loser])
  expect(ids(second, 'customers').sort()).toEqual([loser, winner].sort())
  expectComplete(world, [first, second])
})

test.concurrent('without deletes change data capture is not asked', async () => {
  const world = await openWorld({ limits: false }, { deletes: false })
  const first = await world.run()
  world.simulator.clock.advance(3600)
  await world.run({ state: first.state })
  expect(world.simulator.stats().metered.byEndpoint.cdc).toBe(undefined)
})

for (const cdcCapPer of ['total', 'entity'] as const)
  test.concurrent(`more changes than one answer shows are asked for by entity and moving on (cap per ${cdcCapPer})`, async () => {
    const world = await openWorld({ invoices: 1700, customers: 500, limits: false, cdcCapPer })
    const { simulator } = world
    const first = await world.run()
    simulator.clock.advance(60)
    const all = simulator.company.ids('Invoice')
    spread(world, 'Customer', simulator.company.ids('Customer').slice(0, 400), 'touch')
    spread(world, 'Invoice', all.slice(0, 600), 'touch')
    spread(world, 'Invoice', all.slice(600, 1650), 'delete')
    simulator.company.merge('Customer', ...(simulator.company.ids('Customer') as [string, string]))
    simulator.clock.advance(60)
    const second = await world.run({ state: first.state })
    expect(second.code).toBe(0)
    expect(deleted(second, 'invoices').length).toBeGreaterThanOrEqual(1050)
    expectComplete(world, [first, second])
    expect(simulator.stats().metered.byEndpoint.cdc).toBeLessThan(8)
  })

test.concurrent('a gap of more than 30 days is said, and what can be known still arrives', async () => {
  const world = await openWorld({ limits: false })
  const { simulator } = world
  const first = await world.run()
  simulator.clock.advance(3600)
  const [lost, found] = simulator.company.ids('Invoice') as [string, string]
  simulator.company.delete('Invoice', lost)
  simulator.clock.advance(35 * 86_400)
  simulator.company.delete('Invoice', found)
  simulator.company.edit('Item', simulator.company.ids('Item')[0] as string)
  simulator.clock.advance(3600)
  const second = await world.run({ state: first.state })
  expect(second.code).toBe(0)
  expect(second.stderr).toMatch(/^WARNING invoices: deletions since .* cannot be known/m)
  expect(deleted(second, 'invoices').map(({ record }) => record.Id)).toEqual([found])
  const table = load([first, second], 'invoices')
  expect(table.has(lost)).toBe(true)
  table.delete(lost)
  expect([...table.values()].sort()).toEqual(simulator.rows('Invoice').sort())

  simulator.clock.advance(3600)
  const third = await world.run({ state: second.state })
  expect(third.stderr).not.toMatch(/WARNING/)
})

test.concurrent('on_delete_gap reload reads again under a new version and activates it at the end, interrupted or not', async () => {
  const world = await openWorld({ limits: false }, { page_size: 10, on_delete_gap: 'reload' })
  const { simulator } = world
  const first = await world.run()
  simulator.clock.advance(3600)
  simulator.company.delete('Invoice', simulator.company.ids('Invoice')[3] as string)
  simulator.clock.advance(40 * 86_400)

  const runs: Run[] = []
  for (const settings of [{ call_limit: 5 }, { call_limit: 3 }, {}, {}]) {
    // Two runs within a second would leave the later nothing to say.
    simulator.clock.advance(60)
    runs.push(await world.run({ state: runs.at(-1)?.state ?? first.state, settings }))
  }
  expect(runs.map(({ code }) => code)).toEqual([8, 8, 0, 0])
  const messages = runs.flatMap((run) => run.messages)
  for (const [stream, entity] of [
    ['invoices', 'Invoice'],
    ['customers', 'Customer'],
    ['items', 'Item'],
  ] as const) {
    const activations = messages.filter(
      (message) => message.type === 'ACTIVATE_VERSION' && message.stream === stream,
    )
    expect(activations).toHaveLength(1)
    const version = activations[0]?.version
    expect(Number.isInteger(version)).toBe(true)
    const before = messages.slice(0, messages.indexOf(activations[0] as (typeof messages)[0]))
    const versioned = records({ messages: before }, stream)
    expect(versioned.every((message) => message.version === version)).toBe(true)
    const wanted = simulator.company.ids(entity)
    expect([...new Set(ids({ messages: before }, stream))].sort()).toEqual([...wanted].sort())
  }
  expect(runs.at(-1)?.messages.filter(({ type }) => type === 'RECORD')).toEqual([])
  expect(runs.at(-1)?.state.bookmarks.invoices?.reloading).toBe(undefined)
})

test.concurrent('what is edited while a reload runs is not marked, nor what end_date leaves out', async () => {
  const world = await openWorld(
    { invoices: 60, limits: false },
    { page_size: 10, on_delete_gap: 'reload', concurrency: 1 },
  )
  const { clock, script, company } = world.simulator
  const first = await world.run()
  clock.advance(40 * 86_400)
  const cut = await world.run({ state: first.state, settings: { call_limit: 3 } })
  expect(cut.code).toBe(8)
  clock.advance(60)
  const ended = await world.run({ state: cut.state, settings: { end_date: '2020-06-01' } })
  const activated = (run: Run) =>
    run.messages.filter(({ type, stream }) => type === 'ACTIVATE_VERSION' && stream === 'invoices')
  expect(activated(ended)).toHaveLength(0)

  const edits = company
    .ids('Invoice')
    .slice(-5)
    .map((id) => ({ action: 'touch' as const, entity: 'Invoice', id }))
  script.add({ afterRequests: 2, entity: 'Invoice', edits, advanceSeconds: 2 })
  clock.advance(60)
  const whole = await world.run({ state: ended.state })
  expect(whole.code).toBe(0)
  expect(activated(whole)).toHaveLength(1)
  const versioned = [cut, ended, whole].flatMap((run) => records(run, 'invoices'))
  expect(new Set(versioned.map(({ record }) => record.Id))).toEqual(new Set(company.ids('Invoice')))
})

test.concurrent('a gap that was only warned of can be closed by a later reload', async () => {
  const world = await openWorld({ limits: false })
  const { company, clock } = world.simulator
  const first = await world.run()
  const gone = company.ids('Invoice')[3] as string
  company.delete('Invoice', gone)
  clock.advance(40 * 86_400)
  const second = await world.run({ state: first.state })
  expect(second.stderr).toMatch(/^WARNING invoices: deletions since .* cannot be known/m)
  const missed = first.state.bookmarks.invoices?.deletions_known_to
  expect(second.state.bookmarks.invoices?.deletions_missed_since).toBe(missed)
  const status = await startTap(['status', '-s', world.file('s.json', second.state)]).ended
  expect(status.stdout).toContain(`invoices: deletions since ${missed} may have been missed`)

  clock.advance(60)
  const third = await world.run({ state: second.state })
  expect(third.stderr).not.toMatch(/WARNING/)
  clock.advance(60)
  const settings = { on_delete_gap: 'reload' }
  const fourth = await world.run({ state: third.state, settings })
  expect(fourth.code).toBe(0)
  expect(fourth.stderr).toMatch(/^WARNING invoices: .*an earlier run has found a gap.*version/m)
  expect(ids(fourth, 'invoices')).not.toContain(gone)
  expect(fourth.messages.filter(({ type }) => type === 'ACTIVATE_VERSION')).toHaveLength(3)
  expect(fourth.state.bookmarks.invoices).not.toHaveProperty('deletions_missed_since')
  expectComplete(world, [fourth])
  clock.advance(60)
  const fifth = await world.run({ state: fourth.state, settings })
  expect(fifth.messages.filter(({ type }) => type === 'ACTIVATE_VERSION')).toHaveLength(0)
})

test.concurrent('a gap that is found when the calls are nearly spent begins its reload all the same, and says so', async () => {
  const world = await openWorld({ limits: false }, { on_delete_gap: 'reload', call_limit: 4 })
  const { clock } = world.simulator
  const first = await world.run({ settings: { call_limit: 100 } })
  clock.advance(40 * 86_400)
  const second = await world.run({ state: first.state })
  expect(second.code).toBe(8)
  expect(second.state.bookmarks.items).toMatchObject({ reloading: true })
  clock.advance(60)
  const third = await world.run({ state: second.state, settings: { call_limit: 100 } })
  expect(third.code).toBe(0)
  expect(third.state.bookmarks.items?.reloading).toBe(undefined)
  expectComplete(world, [second, third])
})

test.concurrent('runs of a single call bring a reload to its end', async () => {
  const world = await openWorld({ limits: false }, { page_size: 10, on_delete_gap: 'reload' })
  const { clock, company } = world.simulator
  const first = await world.run()
  company.delete('Invoice', company.ids('Invoice')[3] as string)
  clock.advance(40 * 86_400)
  const runs: Run[] = []
  const activations = () =>
    runs.flatMap(({ messages }) => messages.filter(({ type }) => type === 'ACTIVATE_VERSION'))
  while (activations().length < 3) {
    expect(runs.length, 'runs').toBeLessThan(30)
    const state = runs.at(-1)?.state ?? first.state
    const run = await world.run({ state, settings: { call_limit: 1 } })
    runs.push(run)
    clock.advance(60)
    // Edited in every run, they would never come to rest.
    if (runs.length % 3 === 0) company.touch('Invoice', company.ids('Invoice')[0] as string)
    clock.advance(60)
  }
  const versioned = new Set(runs.flatMap((run) => ids(run, 'invoices')))
  expect(versioned).toEqual(new Set(company.ids('Invoice')))
})

test.concurrent('more deletions in one second than can be shown are said, or closed by a reload', async () => {
  const world = await openWorld({ invoices: 1300, customers: 3, items: 2, limits: false })
  const { simulator } = world
  const first = await world.run()
  simulator.clock.advance(3600)
  simulator.clock.freeze()
  for (const id of simulator.company.ids('Invoice').slice(0, 1200))
    simulator.company.delete('Invoice', id)
  simulator.clock.resume()
  simulator.clock.advance(3600)
  const warned = await world.run({ state: first.state })
  expect(warned.code).toBe(0)
  expect(warned.stderr).toMatch(/^WARNING invoices: deletions .* cannot be known .*one second/m)
  const closed = await world.run({ state: first.state, settings: { on_delete_gap: 'reload' } })
  expect(closed.code).toBe(0)
  expect(closed.messages.filter(({ type }) => type === 'ACTIVATE_VERSION')).toHaveLength(1)
  const versioned = records(closed, 'invoices').filter(({ version }) => version !== undefined)
  const kept = versioned.filter(({ record }) => record._sdc_deleted_at === undefined)
  expect(kept).toHaveLength(100)
})
