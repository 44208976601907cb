import type { Company } from './company.ts'
import type { Measured } from './finding.ts'
import { TAP } from './place.ts'
import { median } from './rounds.ts'
import { type Used, use } from './used.ts'

/** The limiter starts ten requests within 1.1 s. */
const MOST_A_SECOND = 10 / 1.1

/** How near the tap comes to what the limiter allows when each answer takes its time. */
export async function measureLatency(
  company: Company,
  rows: number,
  rounds: number,
): Promise<Measured> {
  const used: Used[] = []
  const rates: number[] = []
  const settings = { concurrency: 10, requests_per_minute: 500 }
  for (let round = 0; round < rounds; round++) {
    await company.starts()
    used.push(await use({ command: [TAP, '-c', company.tapConfig(settings)], countsLines: true }))
    const starts = await company.starts()
    // When it is in full swing.
    const at = (share: number): number => Math.round(share * (starts.length - 1))
    const seconds = ((starts[at(0.9)] ?? 0) - (starts[at(0.1)] ?? 0)) / 1000
    rates.push((at(0.9) - at(0.1)) / seconds)
  }
  return {
    findings: [
      {
        what: "tap, answers after 300 ms: of the limiter's ceiling",
        value: (100 * median(rates)) / MOST_A_SECOND,
        unit: '%',
        goal: { least: 90 },
      },
    ],
    programs: [{ name: 'tap, answers after 300 ms', rows, used }],
  }
}
