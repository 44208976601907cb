import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Company } from './company.ts'
import type { Measured } from './finding.ts'
import { type Place, RUNNER, TAP, TARGET } from './place.ts'
import { alternate, ratioOf } from './rounds.ts'
import type { Used } from './used.ts'

/** Tap and target under singer-run, against the target alone with the tap's lines. */
export async function measurePipe(
  place: Place,
  company: Company,
  singer: string,
  rows: number,
  rounds: number,
): Promise<Measured> {
  const state = join(place.folder, 'state.json')
  async function pipe(): Promise<Used> {
    await place.clear()
    rmSync(state, { force: true })
    const tap = `${TAP} -c ${company.tapConfig({ requests_per_minute: 500 })}`
    const target = `${TARGET} -c ${place.targetConfig}`
    return place.load(`${RUNNER} --tap '${tap}' --target '${target}' --state ${state}`)
  }
  async function alone(): Promise<Used> {
    await place.clear()
    return place.load(`cat ${singer} | ${TARGET} -c ${place.targetConfig}`)
  }
  const used = await alternate(rounds, { pipe, alone })
  const peak = (name: string): number =>
    Math.max(...used.pipe.map(({ peaks }) => peaks[name] ?? Number.NaN))
  return {
    findings: [
      {
        what: "pipe: its rate / the target's own",
        value: ratioOf(used.alone, used.pipe, 'seconds'),
        unit: '×',
        goal: { least: 0.8 },
      },
      {
        what: 'pipe: peak memory of the tap',
        value: peak('tap-quickbooks'),
        unit: 'MB',
        goal: { most: 150 },
      },
      {
        what: 'pipe: peak memory of the target',
        value: peak('target-postgres-raw'),
        unit: 'MB',
        goal: { most: 120 },
      },
    ],
    programs: [
      { name: 'pipe: singer-run with both', rows, used: used.pipe },
      { name: 'pipe: the target alone', rows, used: used.alone },
    ],
  }
}
