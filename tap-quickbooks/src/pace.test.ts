import { type Progress, readProgress, type StreamProgress } from '@singer-io-ts/core'
import { expect, test } from 'vitest'
import { records, STREAM_NAMES } from '../fixtures/reading.ts'
import { openWorld, type Run, type TapState } from '../fixtures/tap.ts'

const environment = { SINGER_PROGRESS: 'json', SINGER_PROGRESS_SECONDS: '0.01' }

/** What a run said of itself, in order. */
function saidBy({ stderr }: Run): Progress[] {
  return stderr.split('\n').flatMap((line) => readProgress(line) ?? [])
}

function saidOf(run: Run, stream: string): StreamProgress[] {
  return saidBy(run).flatMap(({ streams }) => streams.filter((one) => one.stream === stream))
}

/** What every run keeps to, in whatever way it goes. */
function expectTrue(run: Run): void {
  for (const stream of STREAM_NAMES) {
    const said = saidOf(run, stream)
    const shares = said.flatMap(({ share }) => share ?? [])
    expect(shares).toEqual([...shares].sort((a, b) => a - b))
    const windows = said.map((one) => one.windows ?? 0)
    expect(windows).toEqual([...windows].sort((a, b) => a - b))
    for (const one of said) {
      expect(one.share ?? 0).toBeGreaterThanOrEqual(0)
      expect(one.share ?? 0).toBeLessThanOrEqual(1)
      expect(one.windows).toBeLessThanOrEqual(one.windows_total ?? 0)
      expect(one.rows).toBeLessThanOrEqual(one.rows_expected ?? Number.POSITIVE_INFINITY)
      if (one.status !== 'reading') expect(one.seconds_left).toBeUndefined()
    }
  }
}

const company = { invoices: 300, customers: 40, items: 9, limits: false, latencyMs: 10 } as const

test.concurrent('progress counts rows where they are known, never falls and ends with everything', async () => {
  const world = await openWorld(company, { page_size: 20, chunk_days: 100 })
  const run = await world.run({ environment })
  expect(run.code).toBe(0)
  expectTrue(run)
  for (const stream of STREAM_NAMES) {
    const last = saidOf(run, stream).at(-1)
    expect(last).toMatchObject({ status: 'done', rows: records(run, stream).length })
    expect(last?.windows).toBe(last?.windows_total)
  }
  const open = saidOf(run, 'invoices').filter(({ rows_expected: rows }) => rows !== undefined)
  expect(new Set(open.map(({ rows_expected: rows }) => rows))).toEqual(new Set([300]))
  for (const { share, rows } of open) expect(share).toBeCloseTo(Number(rows) / 300, 5)
  expect(saidBy(run).at(-1)?.calls).toBe(world.simulator.stats().metered.total)
})

test.concurrent('a resumed run begins with what it has; where nothing is counted, time tells', async () => {
  const world = await openWorld(company, { page_size: 20, chunk_days: 100, deletes: false })
  const first = await world.run({ settings: { call_limit: 20 }, environment })
  expect(first.code).toBe(8)
  expectTrue(first)
  const begun = saidOf(first, 'invoices')
  expect(begun.some(({ rows_expected: rows }) => rows !== undefined)).toBe(false)
  expect(begun.at(-1)?.status).toBe('stopped')
  expect(begun.some(({ seconds_left: left = 0 }) => left > 0)).toBe(true)

  const second = await world.run({ state: first.state, settings: { call_limit: 99 }, environment })
  expect(second.code).toBe(0)
  expectTrue(second)
  const resumed = saidOf(second, 'invoices')
  expect(resumed[0]).toMatchObject({ windows: begun.at(-1)?.windows, rows: 0 })
  const shares = resumed.flatMap(({ share }) => share ?? [])
  expect(shares[0]).toBeGreaterThanOrEqual(begun.at(-2)?.share ?? 1)
})

test.concurrent('a run that was cut among parts goes on by rows, those of earlier runs included', async () => {
  const settings = { page_size: 20, chunk_days: 100, deletes: false }
  const world = await openWorld({ ...company, invoices: 340 }, settings)
  const { states } = await world.run({})
  const rangesOf = (state: TapState) => state.bookmarks.invoices?.completed_ranges ?? []
  const cut = states.find((state) => rangesOf(state).length === 2)
  const before = Number(cut?.bookmarks.invoices?.rows)
  const run = await world.run({ state: cut, environment })
  expectTrue(run)
  const expected = records(run, 'invoices').length
  expect(expected).toBeLessThan(340)
  const told = saidOf(run, 'invoices').filter(({ status }) => status === 'reading')
  const known = told.filter(({ rows_expected: rows }) => rows !== undefined)
  expect(new Set(known.map(({ rows_expected: rows }) => rows))).toEqual(new Set([expected]))
  for (const { share, rows = 0 } of known)
    expect(share).toBeCloseTo((before + rows) / (before + expected), 5)
  // Until all is counted nobody knows, and nobody says.
  for (const { share } of told.slice(0, told.length - known.length)) expect(share).toBeUndefined()
  expect(saidOf(run, 'invoices').at(-1)).toMatchObject({ status: 'done', rows: expected })
})

test.concurrent('while QuickBooks does not answer, a pipe still gets its lines', async () => {
  const world = await openWorld({ limits: false })
  world.simulator.script.add({ endpoint: 'query', hang: true, times: 0 })
  const running = world.start({ environment: { SINGER_PROGRESS_SECONDS: '0.05' } })
  let stderr = ''
  await new Promise<void>((resolve) => {
    running.child.stderr?.on('data', (text: string) => {
      stderr += text
      if ((stderr.match(/^INFO after 1 s: .* 0 rows, 0 a second, 0 calls$/gm)?.length ?? 0) >= 3)
        resolve()
    })
    void running.ended.then(() => resolve())
  })
  running.child.kill('SIGTERM')
  const run = await running.ended
  expect(run.code).toBe(143)
  expect(stderr).toMatch(/invoices 0%, 0 of \d+ windows, 0 rows; customers 0%, /)
  expect(stderr).not.toContain('\x1b')
})
