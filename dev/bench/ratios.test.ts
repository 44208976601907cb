import { formatProgressLine } from '@singer-io-ts/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openCompany } from './company.ts'
import { measureLoad } from './load.ts'
import { growthOf, mostByQuarter } from './memory.ts'
import { openPlace, type Place } from './place.ts'
import { renderRows, writeSmallRows } from './rows.ts'
import { measureStart } from './start.ts'
import { measureTap, writeInvoices } from './tap.ts'
import { judgeTold, readTold, type Told } from './told.ts'
import type { Used } from './used.ts'

// Ratios of processor time, which other work on the machine hardly moves, and far from what an
// idle machine shows: they find what has become twice as slow.

const IS_LINUX = process.platform === 'linux'
if (!IS_LINUX) console.log('skipped: processor time and memory are read from /proc')

let place: Place
beforeAll(async () => {
  if (IS_LINUX) place = await openPlace()
})
afterAll(() => place?.close())

test.skipIf(!IS_LINUX)(
  'loading takes little more than plain COPY, of memory too, and again writes nothing',
  async () => {
    const rows = 60_000
    const input = await renderRows(place, await writeSmallRows(place, rows), 'small')
    const { programs, findings } = await measureLoad(place, input, 'small', { time: 1 }, 1)
    const [ours, again, plain] = programs.map(({ used }) => used[0]) as [Used, Used, Used]
    expect(ours.postgresSeconds / plain.postgresSeconds).toBeLessThan(2)
    expect(again.postgresSeconds / plain.postgresSeconds).toBeLessThan(3)
    expect(ours.cpuSeconds / plain.postgresSeconds).toBeLessThan(8)
    expect(ours.peakMegabytes).toBeLessThan(120)
    expect(findings.find(({ what }) => what.endsWith('written by that'))?.value).toBe(0)
  },
)

test.skipIf(!IS_LINUX)('the tap takes a few times what parsing its lines does', async () => {
  const rows = 3000
  const company = await openCompany(place, rows)
  try {
    const singer = await writeInvoices(place, company)
    const { programs } = await measureTap(company, singer, rows, 1)
    const [tap, parse] = programs.map(({ used }) => used[0]) as [Used, Used]
    expect(tap.cpuSeconds / parse.cpuSeconds).toBeLessThan(4)
    expect(tap.peakMegabytes).toBeLessThan(120)
  } finally {
    await company.close()
  }
})

test.skipIf(!IS_LINUX)('--version and --discover start hardly more than Node', async () => {
  const { findings } = await measureStart(2)
  const ratios = findings.filter(({ what }) => what.endsWith('CPU / node -e 0'))
  expect(ratios).toHaveLength(4)
  for (const { what, value } of ratios) {
    console.log(`${what}: ${value.toFixed(2)}`)
    expect(value, what).toBeLessThan(what.includes('--version') ? 3 : 3.5)
  }
})

/** What a person reads at a second of the run, and how many rows were in the database. */
function toldAt(at: number, rows: number, share: number, left: number, committed: number): Told {
  const stream = 'invoices'
  const windows = { windows: 3, windows_total: 1220 }
  const line = formatProgressLine({
    streams: [
      {
        stream,
        status: 'reading',
        ...windows,
        rows,
        rows_expected: 9900,
        share,
        seconds_left: left,
      },
      { stream: 'items', status: 'reading', rows: 50, share: 0.5, seconds_left: 1 },
    ],
    seconds: at,
  })
  const told = readTold(stream, `tap: INFO ${line}`)
  if (told === undefined) throw new Error(`not understood: ${line}`)
  return { ...told, at, committed }
}

test('what a run tells of itself is held against what was true', () => {
  const beginning = toldAt(5, 500, 0.05, 900, 400)
  const told = [beginning, toldAt(10, 1000, 0.12, 95, 900), toldAt(50, 5000, 0.5, 50, 4200)]
  expect(told[1]).toMatchObject({ share: 0.12, rows: 1000, expected: 9900, left: 95 })
  const untruth = judgeTold(told, { rows: 10_000, seconds: 100 })
  expect(untruth.share).toBeCloseTo(2)
  expect(untruth.expected).toBeCloseTo(1)
  expect(untruth.committed).toBeCloseTo(8)
  expect(untruth.left).toBeCloseTo(5)
  expect(readTold('invoices', 'tap: INFO invoices: 60000 rows, 122 windows')).toBeUndefined()
})

test('memory that grows with the rows has its most in the last quarter', () => {
  const looks = [90, 95, 100, 98, 104, 101, 110, 108].map((megabytes, at) => ({ at, megabytes }))
  const most = mostByQuarter(looks)
  expect(most).toEqual([95, 100, 104, 110])
  expect(growthOf(most)).toBeCloseTo(1.1)
})
