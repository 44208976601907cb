import { expect, test } from 'vitest'
import { IS_LONG, startReading } from './tap-process.ts'

const ROWS_A_PAGE = 10
/** The limiter starts ten requests within 1.1 s. */
const MOST_A_SECOND = 10 / 1.1

type Reading = {
  calls: number
  /** From the first request to the last answer. */
  seconds: number
  /** Requests started a second, when it is in full swing. */
  rate: number
}

/** Reads one stream of so many pages. */
async function read(pages: number, latencyMs: number, concurrency: number): Promise<Reading> {
  const company = { invoices: pages * ROWS_A_PAGE, customers: 0, items: 0, bursts: 0, latencyMs }
  const settings = { page_size: ROWS_A_PAGE, concurrency }
  const { simulator, tap, ended } = await startReading(company, settings)
  let stdout = ''
  tap.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  const { code, stderr } = await ended
  expect(code, stderr).toBe(0)
  expect(stdout.match(/^{"type":"RECORD"/gm)).toHaveLength(company.invoices)
  expect(simulator.stats().mostUnderWay).toBeLessThanOrEqual(concurrency)
  const starts = simulator
    .log()
    .flatMap(({ path, at, ms }) => (path.startsWith('/v3') ? [Date.parse(at) - ms] : []))
    .sort((a, b) => a - b)
  const calls = starts.length
  const at = (share: number) => starts[Math.round(share * (calls - 1))]!
  const seconds = (at(1) - at(0) + latencyMs) / 1000
  const rate = (0.8 * calls) / ((at(0.9) - at(0.1)) / 1000)
  console.log(
    `${pages} pages, ${latencyMs} ms an answer, ${concurrency} at a time: ${calls} calls, ` +
      `${seconds.toFixed(1)} s, ${rate.toFixed(2)} starts a second`,
  )
  return { seconds, calls, rate }
}

/** Another program on the machine may take the time that is measured. */
const MEASURED = { retry: 2, timeout: 400_000 }

test.concurrent(
  'with slow answers, eight at a time are six times as fast as one',
  MEASURED,
  async () => {
    // One at a time waits for each answer before it asks on: in short, its answers are counted.
    const [eight, one] = await Promise.all([read(200, 1000, 8), read(200, IS_LONG ? 1000 : 0, 1)])
    const seconds = IS_LONG ? one.seconds : one.calls
    expect(seconds / eight.seconds).toBeGreaterThanOrEqual(6)
  },
)

test.concurrent(
  'with quick answers, the limit of ten requests a second is made use of',
  MEASURED,
  async () => {
    const { rate } = await read(IS_LONG ? 600 : 200, 200, 8)
    expect(rate).toBeGreaterThanOrEqual(0.9 * MOST_A_SECOND)
    expect(rate).toBeLessThan(1.05 * MOST_A_SECOND)
  },
)
