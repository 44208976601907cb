import { join } from 'node:path'
import { expect, test } from 'vitest'
import { expectComplete, ids, records, STREAM_NAMES } from '../fixtures/reading.ts'
import { type Bookmark, openWorld } from '../fixtures/tap.ts'

test.concurrent('after a good run each bookmark stands at the upper bound, those of empty streams too', async () => {
  const world = await openWorld({ items: 0 }, { end_date: '2025-03-01' })
  const run = await world.run()
  expect(run.code).toBe(0)
  for (const stream of STREAM_NAMES)
    expect(run.state.bookmarks[stream]).toMatchObject({
      replication_key: 'MetaData.LastUpdatedTime',
      replication_key_value: '2025-03-01T00:00:00Z',
    })
  expect(run.state.currently_syncing).toBe(null)
  expect(run.state.realm_id).toBe(world.simulator.config.realm_id)
})

test.concurrent('currently_syncing is the first stream that is not finished', async () => {
  const world = await openWorld({ limits: false }, { concurrency: 1, page_size: 5 })
  const run = await world.run()
  const named = run.states.map((state) => state.currently_syncing)
  for (const [index, state] of run.states.entries()) {
    const upper = run.state.bookmarks.items?.replication_key_value
    const open = STREAM_NAMES.find(
      (stream) => state.bookmarks[stream]?.replication_key_value !== upper,
    )
    expect(named[index]).toBe(open ?? null)
  }
  expect(named[0]).toBe('invoices')
})

test.concurrent('members that are not known stay in the state, on every level', async () => {
  const world = await openWorld({ limits: false })
  const first = await world.run()
  const { invoices, customers } = first.state.bookmarks
  const state = {
    ...first.state,
    note: { of: 'mine' },
    bookmarks: { invoices: { ...invoices, hint: [1] }, customers, other_tap: { id: 7 } },
  }
  world.simulator.company.insert('Invoice')
  world.simulator.clock.advance(60)
  const second = await world.run({ state })
  expect(second.code).toBe(0)
  for (const printed of second.states) {
    expect(printed).toMatchObject({ note: { of: 'mine' }, bookmarks: { other_tap: { id: 7 } } })
    expect(printed.bookmarks.invoices).toMatchObject({ hint: [1] })
  }
  expectComplete(world, [first, second])
})

for (const state of [{}, { bookmarks: null }, { bookmarks: {} }, { bookmarks: { invoices: {} } }])
  test.concurrent(`the state ${JSON.stringify(state)} is a beginning`, async () => {
    const world = await openWorld({ invoices: 5, limits: false })
    const run = await world.run({ state })
    expect(run.code).toBe(0)
    expectComplete(world, [run])
  })

for (const [what, text] of [
  ['is empty', ''],
  ['is cut', '{"bookmarks":{"invoices":{"replication_key'],
  ['holds two lines', '{"bookmarks":{}}\n{"bookmarks":{}}'],
  ['is a list', '[]'],
  ['has bookmarks that are a text', '{"bookmarks":"x"}'],
  ['has a time that is none', '{"bookmarks":{"invoices":{"replication_key_value":"soon"}}}'],
  ['is of another company', '{"bookmarks":{},"realm_id":"1234567890"}'],
  ['is of a company that is none', `{"realm_id":${'['.repeat(3000)}${']'.repeat(3000)}}`],
  ['is a settings file', '{"client_secret":"hidden-word","chunk_days":7}'],
  ['is a settings file of the target', '{"connection_string":"postgres://hidden-word"}'],
  ['is a token file', '{"fingerprint":"a","refresh_token":"hidden-word"}'],
  ['is a catalog', '{"streams":[]}'],
  ['nests without end', `{"mine":${'['.repeat(50_000)}${']'.repeat(50_000)}}`],
  ['counts in numbers that are none', '{"bookmarks":{"items":{"rows":1e99}}}'],
  ['has a year beyond 9999', '{"bookmarks":{"items":{"since":"10000-01-01"}}}'],
] as const)
  test.concurrent(`a state file that ${what} is refused before any request`, async () => {
    const world = await openWorld({ invoices: 1 })
    const run = await world.run({ state: text })
    expect([run.code, run.stdout]).toEqual([1, ''])
    expect(run.stderr).toMatch(/^ERROR --state/m)
    expect(run.stderr).not.toContain('hidden-word')
    expect(run.stderr.trimEnd().split('\n').at(-1)).toMatch(/^CRITICAL /)
    expect(world.simulator.stats().requests).toBe(0)
  })

test.concurrent('a state file that is missing is refused before any request', async () => {
  const world = await openWorld({ invoices: 1 })
  const config = world.file('config.json', world.settings)
  const run = await world.run({ args: ['-c', config, '-s', join(world.directory, 'none.json')] })
  expect([run.code, run.stdout]).toEqual([1, ''])
  expect(run.stderr).toMatch(/none\.json/)
  expect(world.simulator.stats().requests).toBe(0)
})

test.concurrent('a company that a person wrote as a number is the same company', async () => {
  const world = await openWorld({ limits: false, realmId: '4620816365' })
  const run = await world.run({ state: { bookmarks: {}, realm_id: 4620816365 } })
  expect(run.code).toBe(0)
  expect(run.state.realm_id).toBe('4620816365')
})

test.concurrent('nothing to do is exit 0 and leaves the state alone', async () => {
  const world = await openWorld({ limits: false })
  const first = await world.run({ settings: { end_date: '2025-06-01' } })
  const cases = [
    { settings: { end_date: '2025-06-01' }, state: first.state },
    { settings: { end_date: '2020-01-01' }, state: first.state },
    { settings: { start_date: '2099-01-01' } },
    { settings: { start_date: '2099-01-01', end_date: '2100-01-01' } },
  ]
  for (const one of cases) {
    world.simulator.reset()
    const run = await world.run(one)
    expect(run.code).toBe(0)
    expect(run.messages.filter(({ type }) => type === 'RECORD')).toEqual([])
    for (const printed of run.states) expect(printed).toEqual(first.state)
    expect(world.simulator.stats().metered.total).toBe(0)
    expect(run.stderr).toMatch(/nothing to do/)
  }
})

test.concurrent('a bookmark before start_date goes on from the bookmark', async () => {
  const world = await openWorld({ limits: false })
  const first = await world.run({ settings: { end_date: '2018-01-01' } })
  const second = await world.run({ state: first.state, settings: { start_date: '2022-01-01' } })
  expect(second.code).toBe(0)
  expectComplete(world, [first, second])
})

test.concurrent('a bookmark that a person wrote, with the time alone, is enough', async () => {
  const world = await openWorld({ limits: false }, { deletes: false })
  const mark = '2021-05-05T00:00:00+02:00'
  const state = { bookmarks: { invoices: { replication_key_value: mark } } }
  const run = await world.run({ state })
  expect(run.code).toBe(0)
  const wanted = world.simulator
    .rows('Invoice')
    .map((text) => JSON.parse(text) as { Id: string; MetaData: { LastUpdatedTime: string } })
    .filter(({ MetaData }) => Date.parse(MetaData.LastUpdatedTime) >= Date.parse(mark))
  expect(ids(run, 'invoices')).toEqual(wanted.map(({ Id }) => Id))
  expect(records(run, 'customers').length).toBe(world.simulator.rows('Customer').length)
})

test.concurrent('a state whose ranges a person has left behind the bookmark costs no row', async () => {
  const world = await openWorld({ limits: false }, { deletes: false })
  const first = await world.run({ settings: { end_date: '2020-01-01' } })
  const invoices = {
    ...first.state.bookmarks.invoices,
    completed_ranges: [
      ['2016-05-01T00:00:00Z', '2017-01-01T00:00:00Z'],
      ['2016-02-01T00:00:00Z', '2016-06-01T00:00:00Z'],
    ],
  } as Bookmark
  const state = { ...first.state, bookmarks: { ...first.state.bookmarks, invoices } }
  const second = await world.run({ state })
  expect(second.code).toBe(0)
  expectComplete(world, [first, second])
})
