import { expect, test } from 'vitest'
import { ids, records } from '../fixtures/reading.ts'
import { openWorld } from '../fixtures/tap.ts'
import { discover } from './discover.ts'
import { STREAMS } from './streams.ts'

/** The catalog with these streams selected, or all. */
function select(...names: string[]) {
  const streams = discover().streams.map((entry) => {
    const selected = names.length === 0 || names.includes(entry.stream)
    const metadata = entry.metadata.map((one) =>
      one.breadcrumb.length === 0 ? { ...one, metadata: { ...one.metadata, selected } } : one,
    )
    return { ...entry, metadata }
  })
  return { streams }
}

test('three streams are read by default, the others when they are selected', () => {
  const byDefault = STREAMS.filter(({ selectedByDefault }) => selectedByDefault)
  expect(byDefault.map(({ name }) => name)).toEqual(['invoices', 'customers', 'items'])
  expect(new Set(STREAMS.map(({ name }) => name)).size).toBe(STREAMS.length)
  expect(new Set(STREAMS.map(({ entity }) => entity)).size).toBe(STREAMS.length)
  for (const { name } of STREAMS) expect(name).toMatch(/^[a-z]+(_[a-z]+)*$/)
})

test.concurrent('every stream is read in full, inactive rows too, and goes on from its bookmark', async () => {
  const world = await openWorld({ invoices: 3, customers: 2, items: 2, limits: false })
  const { company, clock } = world.simulator
  const more = STREAMS.slice(3)
  const made = new Map(
    more.map(({ entity }) => [
      entity,
      [1, 2, 3].map((n) => company.insert(entity, { set: { Name: `No. ${n}`, New: 1.5 } })),
    ]),
  )
  for (const { entity, hasActive } of more)
    if (hasActive) company.deactivate(entity, made.get(entity)?.[0] as string)
  clock.advance(60)
  const first = await world.run({ catalog: select() })
  expect(first.code).toBe(0)
  for (const { name, entity } of more)
    expect(ids(first, name).sort(), name).toEqual(made.get(entity)?.toSorted())
  expect(ids(first, 'invoices')).toHaveLength(3)
  expect(first.stderr).toMatch(
    /^INFO vendors: members that its schema does not name.*New \(3 rows\)/m,
  )

  for (const { entity } of more) company.touch(entity, made.get(entity)?.[1] as string)
  const transactions = more.filter(({ hasActive, hasChanges }) => !hasActive && hasChanges)
  for (const { entity } of transactions)
    if (entity !== 'CompanyCurrency' && entity !== 'CustomerType')
      company.delete(entity, made.get(entity)?.[2] as string)
  clock.advance(60)
  const second = await world.run({ catalog: select(), state: first.state })
  expect(second.code).toBe(0)
  for (const { name, entity } of more) {
    const [, touched, last] = made.get(entity) as string[]
    const found = records(second, name).map(({ record }) => [
      record.Id,
      record._sdc_deleted_at !== undefined,
    ])
    const isDeleted = company.ids(entity).length === 2
    expect(found.sort(), name).toEqual(
      isDeleted
        ? [
            [touched, false],
            [last, true],
          ]
        : [[touched, false]],
    )
  }
  const cdc = world.simulator.log().filter(({ endpoint }) => endpoint === 'cdc')
  expect(cdc).toHaveLength(1)
  expect(second.stderr).toMatch(/^INFO time_activities: QuickBooks does not tell what was deleted/m)

  clock.advance(60)
  world.simulator.reset()
  const third = await world.run({ catalog: select(), state: second.state })
  expect(third.messages.filter(({ type }) => type === 'RECORD')).toEqual([])
  // One call for all whose changes are told, one for each of the others.
  const others = STREAMS.filter(({ hasChanges }) => !hasChanges).length
  expect(world.simulator.stats().metered.total).toBe(1 + others)
})

test.concurrent('a stream without change data capture can be the only one', async () => {
  const world = await openWorld({ invoices: 0, customers: 0, items: 0, limits: false })
  const { company, clock } = world.simulator
  company.insert('TimeActivity')
  clock.advance(60)
  const catalog = select('time_activities')
  const first = await world.run({ catalog, settings: { call_limit: 5 } })
  expect([first.code, ids(first, 'time_activities').length]).toEqual([0, 1])
  expect(first.state.bookmarks.time_activities).not.toHaveProperty('deletions_known_to')
  clock.advance(40 * 86_400)
  company.insert('TimeActivity')
  clock.advance(60)
  const second = await world.run({ catalog, state: first.state, settings: { call_limit: 5 } })
  expect([second.code, ids(second, 'time_activities').length]).toEqual([0, 1])
  expect(world.simulator.log().filter(({ endpoint }) => endpoint === 'cdc')).toHaveLength(0)
})
