import { afterAll, beforeAll, expect, test } from 'vitest'
import { openCompany } from './company.ts'
import { measureLoad } from './load.ts'
import { openPlace, type Place } from './place.ts'
import { renderRows, writeSmallRows } from './rows.ts'
import { measureStart } from './start.ts'
import { measureTap, writeInvoices } from './tap.ts'
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
    expect(tap.cpuSeconds / parse.cpuSeconds).toBeLessThan(6)
    expect(tap.peakMegabytes).toBeLessThan(150)
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
