import { expect, test } from 'vitest'
import { burst, insertAt, series } from '../fixtures/company.ts'
import { ENTITIES, rowTimes, STREAM_NAMES } from '../fixtures/reading.ts'
import { openWorld, type Run, startTap, type World } from '../fixtures/tap.ts'

/** Runs a sub-command with the settings of the world. */
function ask(world: World, name: string, settings = {}, more: string[] = []): Promise<Run> {
  const config = world.file('config.json', { ...world.settings, ...settings })
  return startTap([name, '--config', config, ...more]).ended
}

const lastLine = (run: Run) => run.stderr.trimEnd().split('\n').at(-1)

/** A column of the table that `plan` prints, by stream. */
function column(run: Run, index: number): Record<string, number> {
  const rows = run.stdout.split('\n').map((line) => line.trim().split(/ {2,}/))
  const table = rows.filter(([name = '']) =>
    [...STREAM_NAMES, 'deletions', 'total', 'so far'].includes(name as never),
  )
  return Object.fromEntries(
    table.map((cells) => [cells[0], Number(cells.at(index)?.replaceAll(',', ''))]),
  )
}

for (const settings of [
  { concurrency: 1, page_size: 50 },
  { concurrency: 4, page_size: 20 },
  { concurrency: 10, page_size: 7, chunk_days: 1 },
  { concurrency: 4, page_size: 50, call_limit: 7 },
])
  test.concurrent(`plan says what the run will then do: ${JSON.stringify(settings)}`, async () => {
    const company = { invoices: 400, customers: 50, items: 0, limits: false } as const
    const world = await openWorld(company, settings)
    const { simulator } = world
    const plan = await ask(world, 'plan')
    expect(plan.code).toBe(0)
    // Counts are all that it asks for.
    expect(simulator.log().filter(({ query }) => query.includes('select *'))).toHaveLength(0)
    expect(simulator.stats().metered.total).toBe(3)
    expect(column(plan, -2)).toMatchObject({ invoices: 400, customers: 50, items: 0, total: 450 })
    expect(plan.stdout).toMatch(/^about \d.* at 1 s an answer/m)
    expect(plan.stdout.includes('call_limit 7: takes')).toBe('call_limit' in settings)

    simulator.reset()
    const run = await world.run({ settings: { call_limit: undefined } })
    expect(run.code).toBe(0)
    const expected = column(plan, -1)
    for (const stream of STREAM_NAMES) {
      const entity = ENTITIES[stream]
      const made = simulator.log().filter((entry) => entry.entity === entity).length
      const within = 'call_limit' in settings ? 20 : Math.max(1, made / 10)
      expect(
        Math.abs((expected[stream] as number) - made),
        `${stream} ${made}`,
      ).toBeLessThanOrEqual(within)
    }
    simulator.clock.advance(60)
    const left = await ask(world, 'plan', {}, ['--state', world.file('s.json', run.state)])
    // One call shows that there is nothing new.
    expect(column(left, -1)).toMatchObject({ invoices: 0, deletions: 1, total: 1 })
    expect(column(left, -2)).toMatchObject({ invoices: 0, total: 0 })
  })

test.concurrent('count gives the rows of each window, and asks no more often than there are windows', async () => {
  const world = await openWorld({ invoices: 0, customers: 9, items: 0 }, { chunk_days: 10 })
  const { simulator } = world
  insertAt(simulator, 'Invoice', series('2020-01-01T00:00:00Z', 30, 86_400))
  insertAt(simulator, 'Invoice', burst('2025-05-05T05:05:05Z', 7))
  simulator.company.deactivate('Customer', simulator.company.ids('Customer')[0] as string)
  simulator.clock.advance(60)
  const counted = await ask(world, 'count', { concurrency: 8 })
  expect(counted.code).toBe(0)
  const lines = counted.lines.map((line) => JSON.parse(line))
  const run = await world.run()
  const expected = new Map<string, number>()
  for (const { type, stream, record } of run.messages) {
    if (type !== 'RECORD') continue
    const window = [record._sdc_extract_window_start_utc, record._sdc_extract_window_end_utc]
    const key = [stream, ...window].join(' ')
    expected.set(key, (expected.get(key) ?? 0) + 1)
  }
  // Windows at the upper bound of two runs differ by what has passed between them.
  const total = (stream: string) =>
    lines.filter((line) => line.stream === stream).reduce((sum, { rows }) => sum + rows, 0)
  for (const stream of STREAM_NAMES) expect(total(stream)).toBe(rowTimes(simulator)[stream].length)
  for (const { stream, rows, ...window } of lines) {
    const key = [stream, window.extract_window_start_utc, window.extract_window_end_utc].join(' ')
    if (stream === 'invoices') expect(rows, key).toBe(expected.get(key))
  }
  expect(lines.filter(({ stream }) => stream === 'invoices').map(({ rows }) => rows)).toContain(7)
  const asked = simulator.log().filter(({ query }) => query.includes('count(*) from Invoice'))
  expect(asked.length).toBeLessThan(60)
  expect(asked.length).toBeGreaterThan(4)
})

test.concurrent('count says when the books moved while it counted, and when call_limit cut it short', async () => {
  const world = await openWorld({ invoices: 40, customers: 0, items: 0, limits: false })
  const { script, company } = world.simulator
  const id = company.ids('Invoice')[11] as string
  const edit = { action: 'touch' as const, entity: 'Invoice', id }
  script.add({ afterRequests: 6, entity: 'Invoice', edits: [edit], advanceSeconds: 5 })
  const moved = await ask(world, 'count', { concurrency: 1 })
  expect(moved.code).toBe(0)
  expect(moved.stderr).toMatch(/^WARNING invoices: .*edited meanwhile \(1 row moved\)/m)
  const cut = await ask(world, 'count', { call_limit: 5 })
  expect(cut.code).toBe(8)
  expect(lastLine(cut)).toMatch(/^WARNING call_limit is reached; .* not all: without .*invoices/)
})

for (const name of ['plan', 'count'])
  test.concurrent(`${name} goes on where one stream is forbidden, and says which; where all are, it ends with 3`, async () => {
    const world = await openWorld({ limits: false })
    const { script } = world.simulator
    script.add({ status: 403, times: 0, entity: 'Customer' })
    const run = await ask(world, name)
    expect(run.code).toBe(7)
    expect(run.stderr).toMatch(/^ERROR customers: .*403/m)
    expect(lastLine(run)).toMatch(/^WARNING what is printed is not all: without customers;/)
    if (name === 'plan') {
      expect(column(run, -2)).toMatchObject({ invoices: 30, items: 8, 'so far': 38 })
      expect(run.stdout).toMatch(/^customers +2016-\S+ +\d+ +- +-$/m)
      expect(run.stdout).not.toMatch(/^about /m)
    } else {
      const lines = run.lines.map((line) => JSON.parse(line))
      expect(new Set(lines.map(({ stream }) => stream))).toEqual(new Set(['invoices', 'items']))
    }
    script.clear()
    script.add({ status: 403, times: 0 })
    const none = await ask(world, name)
    expect(none.code).toBe(3)
    expect(lastLine(none)).toMatch(/^CRITICAL no stream could be asked for \(.*customers/)
    script.clear()
    script.add({ status: 400, times: 0 })
    expect((await ask(world, name)).code).toBe(4)
  })

test.concurrent('plan prints what call_limit lets it know, says what is missing, and ends with 8', async () => {
  const world = await openWorld({ limits: false })
  const plan = await ask(world, 'plan', { call_limit: 2, concurrency: 1 })
  expect(plan.code).toBe(8)
  expect(world.simulator.stats().metered.total).toBe(2)
  expect(column(plan, -2)).toMatchObject({ invoices: 30, customers: 12, 'so far': 42 })
  expect(plan.stdout).toMatch(/^items +2016-\S+ +\d+ +- +-$/m)
  expect(lastLine(plan)).toBe(
    'WARNING call_limit is reached; what is printed is not all: without items',
  )
})

test.concurrent('status reads a state out: what is done, what is next, rows and calls, the command to go on', async () => {
  const world = await openWorld({ invoices: 300, limits: false }, { page_size: 10, chunk_days: 90 })
  const { script, clock } = world.simulator
  script.add({ status: 400, times: 0, after: 20, entity: 'Invoice' })
  const run = await world.run()
  expect(run.code).toBe(7)
  const path = world.file("a state's.json", run.state)
  const status = await startTap(['status', '--state', path]).ended
  expect([status.code, status.stderr]).toEqual([0, ''])
  const { invoices, customers } = run.state.bookmarks
  expect(status.stdout).toContain(`company ${run.state.realm_id}`)
  const calls = world.simulator
    .log()
    .filter((entry) => entry.entity === 'Invoice' && entry.status === 200)
  expect(invoices?.calls).toBe(calls.length)
  expect(status.stdout).toMatch(
    new RegExp(
      `^invoices +${invoices?.replication_key_value} +${invoices?.rows} +${calls.length} `,
      'm',
    ),
  )
  expect(status.stdout).toMatch(
    new RegExp(`^customers +${customers?.replication_key_value} +12 `, 'm'),
  )
  const [from, to] = invoices?.completed_ranges?.[0] ?? []
  expect(status.stdout).toContain(`invoices: beyond that, complete: ${from} to ${to}`)
  expect(status.stdout).toContain(`invoices: next: ${invoices?.replication_key_value} to ${from}`)
  expect(status.stdout).toContain('invoices: is not finished')
  expect(status.stdout).toContain(`--state '${path.replaceAll("'", "'\\''")}' |`)

  // The calls of all runs add up.
  script.clear()
  clock.advance(60)
  world.simulator.reset()
  const rest = await world.run({ state: run.state })
  expect(rest.code).toBe(0)
  const more = world.simulator.log().filter((entry) => entry.entity === 'Invoice').length
  expect(rest.state.bookmarks.invoices?.calls).toBe(calls.length + more)
})

test.concurrent('status of no state, of another shape and of a lost file', async () => {
  const world = await openWorld({ invoices: 0, customers: 0, items: 0 })
  const empty = await startTap(['status', '-s', world.file('s.json', {})]).ended
  expect([empty.code, empty.stdout]).toEqual([0, expect.stringContaining('begins at start_date')])
  const bad = await startTap(['status', '-s', world.file('s.json', '{"bookmarks":7}')]).ended
  expect([bad.code, bad.stdout]).toEqual([1, ''])
  expect(bad.stderr).toMatch(/'bookmarks' is not an object/)
  expect((await startTap(['status', '-s', '/nowhere/s.json']).ended).code).toBe(1)
  expect((await startTap(['status']).ended).code).toBe(2)
})
