import { expect, test } from 'vitest'
import { burst, insertAt, series } from '../fixtures/company.ts'
import {
  changedAt,
  ENTITIES,
  expectComplete,
  records,
  STREAM_NAMES,
  seconds,
} from '../fixtures/reading.ts'
import { openWorld, type World } from '../fixtures/tap.ts'

const ORIGIN = [
  '_sdc_extract_window_start_utc',
  '_sdc_extract_window_end_utc',
  '_sdc_page_number',
  '_sdc_page_size',
  '_sdc_request_payload',
]

async function askAgain(world: World, path: string, query: string): Promise<string[]> {
  const { baseUrl, tokens } = world.simulator
  const answer = await fetch(`${baseUrl}${path}?query=${encodeURIComponent(query)}`, {
    headers: { authorization: `Bearer ${tokens.accessToken()}` },
  })
  expect(answer.status).toBe(200)
  const { QueryResponse } = (await answer.json()) as { QueryResponse: Record<string, unknown> }
  const rows = Object.values(QueryResponse).find(Array.isArray) as { Id: string }[]
  return rows.map(({ Id }) => Id)
}

test.concurrent('each record says which window, page and request it came from, and the request returns it again', async () => {
  const world = await openWorld({ invoices: 60, burst: 20, bursts: 1, limits: false })
  const { simulator } = world
  insertAt(simulator, 'Invoice', burst('2020-02-29T12:00:00Z', 23))
  const before = simulator.clock.now()
  const run = await world.run({ settings: { page_size: 10 } })
  const after = simulator.clock.now()
  const answers = new Map<string, string[]>()
  for (const stream of STREAM_NAMES) {
    const pages = new Map<number, Set<string>>()
    for (const { record, time_extracted } of records(run, stream)) {
      expect(Object.keys(record).filter((name) => name.startsWith('_sdc_'))).toEqual(ORIGIN)
      const { method, path, query, ...rest } = record._sdc_request_payload
      expect([method, path, rest]).toEqual([
        'GET',
        `/v3/company/${simulator.config.realm_id}/query`,
        {},
      ])
      expect(query).toMatch(new RegExp(`^select \\* from ${ENTITIES[stream]} where `, 'i'))
      expect(query).toMatch(new RegExp(`MAXRESULTS ${record._sdc_page_size}$`))
      const ids = answers.get(query) ?? (await askAgain(world, path, query))
      answers.set(query, ids)
      expect(ids).toContain(record.Id)
      const page = record._sdc_page_number
      pages.set(page, (pages.get(page) ?? new Set()).add(query))
      expect(time_extracted).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      expect(Date.parse(String(time_extracted))).toBeGreaterThanOrEqual(before)
      expect(Date.parse(String(time_extracted))).toBeLessThanOrEqual(after)
    }
    expect(Math.min(...pages.keys())).toBe(1)
  }
  const queries = new Set(records(run, 'customers').map((one) => one.record._sdc_request_payload))
  expect(queries.size).toBeGreaterThan(1)
  expect(records(run, 'items').every(({ record }) => record._sdc_page_size === 10)).toBe(true)
})

for (const chunkDays of [30, 7.5, 1 / 3, 0.00001, 3650, 1e9])
  test.concurrent(`windows are cells of a grid of ${chunkDays} days from start_date, cut to the run, and hold their rows`, async () => {
    const world = await openWorld({ invoices: 0, customers: 5, items: 5, limits: false })
    const { simulator } = world
    const [from, to] = ['2024-01-30T10:00:00Z', '2024-06-02T17:30:05Z']
    insertAt(simulator, 'Invoice', series(from, 12, 864_000))
    insertAt(simulator, 'Invoice', series('2024-01-30T09:59:59Z', 4, 1))
    insertAt(simulator, 'Invoice', series('2024-06-02T17:30:02Z', 6, 1))
    // The ends of the first windows of 30 and of 7.5 days.
    insertAt(simulator, 'Invoice', series('2024-02-29T09:59:58Z', 4, 1))
    insertAt(simulator, 'Invoice', series('2024-02-06T21:59:58Z', 4, 1))
    const settings = { start_date: from, chunk_days: chunkDays, page_size: 5 }

    const first = await world.run({ settings: { ...settings, end_date: to } })
    expect(first.code).toBe(0)
    const rows = records(first, 'invoices').map(({ record }) => record)
    expect(new Set(rows.map(({ Id }) => Id)).size).toBe(12 + 3 + 3 + 4 + 4)
    check(rows, seconds(from), seconds(to))

    const second = await world.run({ settings, state: first.state })
    const upper = seconds(second.state.bookmarks.invoices?.replication_key_value)
    const later = records(second, 'invoices').map(({ record }) => record)
    expect(new Set(later.map(({ Id }) => Id)).size).toBe(3)
    check(later, seconds(to), upper)

    function check(some: typeof rows, start: number, end: number) {
      const length = Math.max(1, Math.round(chunkDays * 86_400))
      for (const row of some) {
        const at = changedAt(row)
        const cell = seconds(from) + Math.floor((at - seconds(from)) / length) * length
        const window = [row._sdc_extract_window_start_utc, row._sdc_extract_window_end_utc]
        expect(window.map(seconds)).toEqual([Math.max(cell, start), Math.min(cell + length, end)])
        for (const text of window) expect(text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
      }
    }
  })

test.concurrent('a deleted row has a window also where windows are longer than the calendar', async () => {
  const world = await openWorld({ limits: false }, { chunk_days: 1e9, settle_seconds: 600 })
  const { company, clock, ids } = {
    ...world.simulator,
    ids: world.simulator.company.ids('Invoice'),
  }
  const first = await world.run()
  clock.advance(3600)
  company.delete('Invoice', ids[3] as string)
  const second = await world.run({ state: first.state })
  expect(second.stderr).not.toMatch(/CRITICAL/)
  expect(second.code).toBe(0)
  const deleted = records(second, 'invoices').map(({ record }) => record)
  expect(deleted).toHaveLength(1)
  const [row] = deleted
  const at = seconds(row?._sdc_deleted_at)
  expect(seconds(row?._sdc_extract_window_start_utc)).toBeLessThanOrEqual(at)
  expect(seconds(row?._sdc_extract_window_end_utc)).toBeGreaterThan(at)
  expect(row?._sdc_extract_window_end_utc).toMatch(/^\d{4}-\d\d-\d\dT/)
  expectComplete(world, [first, second])
})
