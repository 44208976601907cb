import { expect, test } from 'vitest'
import { compareWithCompany, countRows, createPipeline, readStateFile } from './pipeline.ts'

test('20,000 invoices, 5,000 customers and 1,000 items over ten years arrive complete, digit for digit', async () => {
  const pipeline = await createPipeline({ invoices: 20_000, customers: 5_000, items: 1_000 })
  const first = await pipeline.run()
  expect(first.stderr).toContain('invoices')
  expect(first.exitCode).toBe(0)
  expect(await compareWithCompany(pipeline)).toEqual([])
  expect(await countRows(pipeline, 'invoices')).toBe(20_000)
  const { rows } = await pipeline.database.query(
    "select count(*)::int from raw.qb_invoices where payload::text like '%.10%'",
  )
  expect(rows[0].count).toBeGreaterThan(0)
  expect(readStateFile(pipeline).currently_syncing).toBeNull()
  expect(first.stderr).not.toMatch(/error|exception/i)

  // The price: one call for each 1,000 rows and a few more.
  const { byEntity } = pipeline.simulator.stats().metered
  expect(byEntity.Invoice).toBeLessThanOrEqual(20 * 1.1 + 12)
  expect(byEntity.Customer).toBeLessThanOrEqual(5 * 1.1 + 12)
  expect(byEntity.Item).toBeLessThanOrEqual(1.1 + 12)
})

test('Running the same window again changes nothing', async () => {
  const pipeline = await createPipeline(
    { invoices: 1500, customers: 200, items: 50 },
    { tap: { end_date: '2026-01-01', page_size: 500 } },
  )
  const image = async (): Promise<unknown> =>
    (
      await pipeline.database.query(
        "select string_agg(id || ctid::text || xmin::text || t::text, '|' order by id) from raw.qb_invoices t",
      )
    ).rows[0]
  expect((await pipeline.run()).exitCode).toBe(0)
  const before = await image()
  pipeline.write('state.json', '{}')
  const again = await pipeline.run()
  expect(again.exitCode).toBe(0)
  expect(again.stderr).toMatch(/inserted 0, updated 0, unchanged 1500/)
  expect(await image()).toEqual(before)
})

test('a second run reads only what has changed since', async () => {
  const pipeline = await createPipeline({ invoices: 1200, customers: 100, items: 40 })
  const { company, clock } = pipeline.simulator
  expect((await pipeline.run()).exitCode).toBe(0)
  pipeline.simulator.reset()
  clock.advance(60)
  expect((await pipeline.run()).exitCode).toBe(0)
  expect(pipeline.simulator.stats().metered.total).toBe(1)

  const ids = company.ids('Invoice')
  company.edit('Invoice', ids[3]!, { set: { PrivateNote: 'paid in cash' } })
  company.void('Invoice', ids[4]!)
  company.delete('Invoice', ids[5]!)
  company.deactivate('Customer', company.ids('Customer')[7]!)
  company.insert('Item', { set: { Name: 'New' } })
  clock.advance(120)
  pipeline.simulator.reset()
  const third = await pipeline.run()
  expect(third.exitCode).toBe(0)
  expect(await compareWithCompany(pipeline)).toEqual([])
  const { rows } = await pipeline.database.query(
    'select id, payload is not null as kept from raw.qb_invoices where deleted_at_utc is not null',
  )
  expect(rows).toEqual([{ id: ids[5], kept: true }])
  // One call for all, three for a stream with a row, four with several in one second.
  expect(pipeline.simulator.stats().metered.total).toBeLessThanOrEqual(11)
})

test('rows edited, deactivated or deleted between two requests cost no other row', async () => {
  const pipeline = await createPipeline(
    { invoices: 2000, customers: 400, items: 100 },
    { tap: { page_size: 50, concurrency: 4 } },
  )
  const { company, script, clock } = pipeline.simulator
  let turn = 0
  script.onAnswer(() => {
    turn++
    const invoices = company.ids('Invoice')
    const pick = (ids: readonly string[], by: number): string => ids[(turn * by) % ids.length]!
    if (turn % 2 === 0)
      company.edit('Invoice', pick(invoices, 7), { set: { PrivateNote: `${turn}` } })
    if (turn % 3 === 0) company.delete('Invoice', pick(invoices, 11))
    if (turn % 5 === 0) company.deactivate('Customer', pick(company.ids('Customer'), 13))
    if (turn % 7 === 0) company.touch('Item', pick(company.ids('Item'), 3))
  })
  expect((await pipeline.run()).exitCode).toBe(0)
  script.clear()
  expect(turn).toBeGreaterThan(40)
  clock.advance(120)
  expect((await pipeline.run()).exitCode).toBe(0)
  expect(await compareWithCompany(pipeline)).toEqual([])
})
