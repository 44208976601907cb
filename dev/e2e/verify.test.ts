import { expect, test, vi } from 'vitest'
import { createPipeline } from './pipeline.ts'
import { commandsOf, shell, sums, verify } from './verifying.ts'

// Each test starts some thirty processes.
vi.setConfig({ testTimeout: 300_000 })

const COMPANY = { invoices: 900, customers: 100, items: 20 }
const SETTINGS = { tap: { page_size: 150, chunk_days: 365, settle_seconds: 0 } }

/** The Ids in the order in which a listing meets them. */
function byChange(rows: readonly string[]): string[] {
  type Row = { Id: string; MetaData: { LastUpdatedTime: string } }
  const at = (row: Row) => Date.parse(row.MetaData.LastUpdatedTime)
  const parsed = rows.map((text) => JSON.parse(text) as Row)
  return parsed.sort((a, b) => at(a) - at(b)).map(({ Id }) => Id)
}

const lastLine = (text: string) => text.trimEnd().split('\n').at(-1)

test('what is equal is called equal, whatever is edited, made and deleted in the books after the load and while they are counted', async () => {
  const pipeline = await createPipeline(COMPANY, { tap: { ...SETTINGS.tap, concurrency: 1 } })
  const { simulator, database } = pipeline
  const { company, script, clock } = simulator
  const ids = byChange(simulator.rows('Invoice'))
  expect((await pipeline.run()).exitCode).toBe(0)
  const equal = await verify(pipeline)
  expect(equal.stderr).not.toMatch(/WARNING|error|exception/i)
  expect(equal.exitCode).toBe(0)
  expect(sums(equal, 'invoices')).toMatchObject({ source_rows: 900, table_rows: 900, pending: 0 })
  const { rows } = await database.query(
    `select sum((payload->>'TotalAmt')::numeric)::text as total from raw.qb_invoices
      where (payload->'MetaData'->>'LastUpdatedTime')::timestamptz >= $1
        and (payload->'MetaData'->>'LastUpdatedTime')::timestamptz < $2`,
    [equal.windows[2]?.extract_window_start_utc, equal.windows[2]?.extract_window_end_utc],
  )
  expect(equal.windows[2]).toMatchObject({
    stream: 'invoices',
    source_total: rows[0].total,
    table_total: rows[0].total,
    is_equal: true,
  })
  expect(equal.windows.find(({ stream }) => stream === 'customers')?.source_total).toBeNull()

  // After the load, and in the middle of the listing.
  clock.advance(600)
  company.edit('Invoice', ids[3] as string)
  company.insert('Invoice')
  company.delete('Invoice', ids[4] as string)
  company.void('Invoice', ids[5] as string)
  const edits = [
    { action: 'edit' as const, entity: 'Invoice', ids: ids.slice(700, 710) },
    { action: 'delete' as const, entity: 'Invoice', ids: ids.slice(800, 805) },
    { action: 'delete' as const, entity: 'Invoice', ids: ids.slice(200, 205) },
    { action: 'insert' as const, entity: 'Invoice', count: 4 },
  ]
  for (const [n, edit] of edits.entries())
    script.add({ afterRequests: n + 2, entity: 'Invoice', edits: [edit], advanceSeconds: 3 })
  const moved = await verify(pipeline)
  expect(script.pending()).toEqual([])
  expect(moved.stderr).not.toMatch(/WARNING/)
  expect(moved.exitCode).toBe(0)
  expect(sums(moved, 'invoices').pending).toBeGreaterThan(10)

  // A load that ends while the listing runs is no difference either.
  clock.advance(60)
  const listed = await shell(
    pipeline,
    `tap-quickbooks count -c ${pipeline.tapConfig} --rows > counted`,
  )
  expect(listed.exitCode).toBe(0)
  clock.advance(60)
  company.edit('Invoice', ids[6] as string)
  company.delete('Invoice', ids[7] as string)
  company.insert('Invoice')
  clock.advance(60)
  expect((await pipeline.run()).exitCode).toBe(0)
  const later = await shell(
    pipeline,
    `target-postgres-raw verify -c ${pipeline.targetConfig} --input counted`,
  )
  expect(later.stderr).not.toMatch(/WARNING/)
  expect(later.exitCode).toBe(0)

  const after = await verify(pipeline)
  expect(after.exitCode).toBe(0)
  expect(sums(after, 'invoices')).toMatchObject({ pending: 0, missing: 0, deleted: 12 })
})

test('rows that were lost, are old, or are gone in QuickBooks are found, and the printed commands mend them', async () => {
  const pipeline = await createPipeline(COMPANY, SETTINGS)
  const { simulator, database } = pipeline
  const { company, clock } = simulator
  expect((await pipeline.run()).exitCode).toBe(0)
  const [lost, old, wrong, gone] = company.ids('Invoice').filter((_, n) => n % 200 === 100)
  clock.advance(60)
  company.edit('Invoice', old as string, { setText: { TotalAmt: '1.10' } })
  company.delete('Invoice', gone as string)
  clock.advance(60)
  const kept = await database.query('select * from raw.qb_invoices where id = $1', [old])
  expect((await pipeline.run()).exitCode).toBe(0)
  // As if the second load had missed the edit and the deletion.
  await database.query('update raw.qb_invoices set payload = $2 where id = $1', [
    old,
    kept.rows[0].payload,
  ])
  await database.query('update raw.qb_invoices set deleted_at_utc = null where id = $1', [gone])
  await database.query('delete from raw.qb_invoices where id = $1', [lost])
  await database.query(
    `update raw.qb_invoices set payload = jsonb_set(payload, '{TotalAmt}', '0.01') where id = $1`,
    [wrong],
  )
  await database.query('delete from raw.qb_customers')

  const found = await verify(pipeline)
  expect(found.exitCode).toBe(9)
  expect(lastLine(found.stderr)).toMatch(
    /^WARNING verify has found differences: invoices 1 missing, 1 extra, 2 stale in \d windows; customers 100 missing in \d+ windows$/,
  )
  const ids = (name: 'missing_ids' | 'stale_ids' | 'extra_ids') =>
    found.windows
      .filter(({ stream }) => stream === 'invoices')
      .flatMap((window) => window[name] ?? [])
  expect(ids('missing_ids')).toEqual([lost])
  expect(ids('stale_ids').sort()).toEqual([old, wrong].sort())
  expect(ids('extra_ids')).toEqual([gone])
  for (const window of found.windows) {
    expect(window.is_equal).toBe(window.missing + window.extra + window.stale === 0)
    expect(window.missing_ids?.length ?? 0).toBe(Math.min(20, window.missing))
  }
  const byLost = found.windows.find(({ missing_ids }) => missing_ids?.includes(lost as string))
  expect(byLost?.source_total).not.toBe(byLost?.table_total)

  for (const command of commandsOf(found)) {
    const loaded = await shell(pipeline, command)
    expect([loaded.exitCode, loaded.stderr]).toEqual([0, expect.not.stringMatching(/CRITICAL/)])
  }
  const rest = await verify(pipeline)
  expect(rest.exitCode).toBe(9)
  expect(commandsOf(rest)).toEqual([])
  const sql = /mark it by SQL: (.*)$/m.exec(rest.stderr)?.[1] as string
  expect((await database.query(sql)).rowCount).toBe(1)
  const mended = await verify(pipeline)
  expect(mended.stderr).not.toMatch(/WARNING/)
  expect(mended.exitCode).toBe(0)
  expect(sums(mended, 'customers')).toMatchObject({ source_rows: 100, table_rows: 100 })
})

test('a row that QuickBooks cannot give out is named, not missing; a count that is cut or fails is never taken for a whole one; counts alone cost a call or two a window', async () => {
  const pipeline = await createPipeline(
    { invoices: 120, customers: 40, items: 5 },
    { tap: { ...SETTINGS.tap, page_size: 50, chunk_days: 3650 } },
  )
  const { simulator, database, tapConfig, targetConfig, state } = pipeline
  const { company, script } = simulator
  const bad = company.ids('Invoice')[60] as string
  script.add({ times: 0, entity: 'Invoice', poisonedId: bad })
  expect((await pipeline.run()).exitCode).toBe(7)
  const unlisted = await verify(pipeline)
  expect(unlisted.exitCode).toBe(0)
  expect(unlisted.stderr).toMatch(
    /^WARNING invoices: a row that changed last between \S+Z and \S+Z could not be listed/m,
  )
  expect(sums(unlisted, 'invoices')).toMatchObject({ missing: 0, extra: 0, stale: 0 })

  script.clear()
  script.add({ times: 0, entity: 'Invoice', poisonedId: bad, poisonSparesProjection: true })
  const named = await verify(pipeline)
  expect(named.exitCode).toBe(0)
  expect(named.stderr).toContain(
    `WARNING invoices: Id ${bad} is pending, for QuickBooks could not give`,
  )
  expect(sums(named, 'invoices')).toMatchObject({ source_rows: 120, table_rows: 119, pending: 1 })
  script.clear()

  // Single columns are not documented: whole rows serve as well, at as many calls.
  script.add({ status: 400, entity: 'Invoice' })
  const whole = await verify(pipeline)
  expect(whole.exitCode).toBe(0)
  expect(whole.stderr).toMatch(/does not give Id, MetaData\.LastUpdatedTime, TotalAmt alone/)
  expect(sums(whole, 'invoices')).toEqual(sums(named, 'invoices'))
  expect(whole.windows[0]?.source_total).toBe(named.windows[0]?.source_total)
  expect(whole.windows[0]?.source_total).toMatch(/^\d+\.?\d*$/)

  const counting = `tap-quickbooks count -c ${tapConfig} --rows`
  const comparing = `target-postgres-raw verify -c ${targetConfig}`
  const cut = await shell(pipeline, `${counting} | head -c 3000 | ${comparing}`)
  expect([cut.exitCode, cut.stdout]).toEqual([6, ''])
  expect(cut.stderr).toMatch(/^CRITICAL .*line \d+: is not whole JSON/m)
  script.add({ status: 403, times: 0, entity: 'Customer' })
  const failed = await shell(pipeline, `${counting} | ${comparing}`)
  expect([failed.exitCode, failed.stdout]).toEqual([6, ''])
  expect(failed.stderr).toMatch(/^CRITICAL the count of 'customers' broke off/m)
  script.clear()

  simulator.reset()
  expect((await verify(pipeline, `--state ${state}`)).exitCode).toBe(0)
  expect(simulator.stats().metered.total).toBeLessThanOrEqual(9)
  await database.query("delete from raw.qb_customers where payload->>'Active' = 'true'")
  const lost = await verify(pipeline, `--state ${state}`)
  expect(lost.exitCode).toBe(9)
  expect(sums(lost, 'customers').missing).toBeGreaterThan(0)
})
