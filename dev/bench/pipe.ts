import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Company } from './company.ts'
import type { Finding, Measured } from './finding.ts'
import { growthOf } from './memory.ts'
import { type Place, RUNNER, TAP, TARGET } from './place.ts'
import { alternate, median } from './rounds.ts'
import { judgeTold, readTold, type Told, type Untruth } from './told.ts'
import type { Used } from './used.ts'

/** From so many rows on, growing and lagging can be told from beginning. */
const LONG_ROWS = 500_000

/** Tap and target under singer-run, against the target alone with lines of the tap. */
export async function measurePipe(
  place: Place,
  company: Company,
  singer: string,
  rows: number,
  rounds: number,
): Promise<Measured> {
  const state = join(place.folder, 'state.json')
  const untruths: Untruth[] = []
  let loadedAlone = 0
  async function pipe(): Promise<Used> {
    await place.clear()
    rmSync(state, { force: true })
    const tap = `${TAP} -c ${company.tapConfig({ requests_per_minute: 500 })}`
    const target = `${TARGET} -c ${place.targetConfig}`
    const listener = listen(place)
    const used = await place.load(
      `SINGER_PROGRESS_SECONDS=1 ${RUNNER} --tap '${tap}' --target '${target}' --state ${state}`,
      listener.take,
    )
    const loaded = await committed(place)
    if (loaded !== rows) throw new Error(`${loaded} invoices are in the database, not ${rows}`)
    untruths.push(judgeTold(await listener.told(), { rows, seconds: used.seconds }))
    return used
  }
  async function alone(): Promise<Used> {
    await place.clear()
    const used = await place.load(`cat ${singer} | ${TARGET} -c ${place.targetConfig}`)
    loadedAlone = await committed(place)
    return used
  }
  const isLong = rows >= LONG_ROWS
  // What else the machine does may change while a long pipe runs.
  const programs = isLong ? { before: alone, pipe, alone } : { pipe, alone }
  const used = { before: [], pipe: [], alone: [], ...(await alternate<string>(rounds, programs)) }
  const rateAlone = (round: number): number => {
    const runs = [used.before[round], used.alone[round]].filter((run) => run !== undefined)
    return (loadedAlone * runs.length) / runs.reduce((sum, { seconds }) => sum + seconds, 0)
  }
  const rates = used.pipe.map(({ seconds }, round) => rows / seconds / rateAlone(round))
  const memoryOf = (name: string, what: string, most?: number): Finding[] => [
    {
      what: `pipe: peak memory of ${what}`,
      value: Math.max(...used.pipe.map(({ peaks }) => peaks[name] ?? Number.NaN)),
      unit: 'MB',
      goal: most === undefined ? undefined : { most },
    },
    {
      what: `pipe: memory of ${what}, last quarter of the time / second`,
      value: median(used.pipe.map(({ quarters }) => growthOf(quarters[name]))),
      unit: '×',
      goal: isLong ? { most: 1.05 } : undefined,
    },
  ]
  const worst = (what: keyof Untruth): number => Math.max(...untruths.map((one) => one[what]))
  return {
    findings: [
      {
        what: "pipe: its rate / the target's own",
        value: median(rates),
        unit: '×',
        goal: isLong ? { least: 0.8 } : undefined,
      },
      ...memoryOf('tap-quickbooks', 'the tap', 150),
      ...memoryOf('target-postgres-raw', 'the target', 120),
      ...memoryOf('singer-run', 'singer-run'),
      {
        what: 'pipe: share told, off the rows read by at most',
        value: worst('share'),
        unit: '%',
        goal: { most: 2 },
      },
      {
        what: 'pipe: rows expected, off by at most',
        value: worst('expected'),
        unit: '%',
        goal: { most: 2 },
      },
      {
        what: 'pipe: share told, off the rows committed by at most',
        value: worst('committed'),
        unit: '%',
        goal: isLong ? { most: 2 } : undefined,
      },
      {
        what: 'pipe: time left told after a tenth of the run, off by at most',
        value: worst('left'),
        unit: '%',
        goal: isLong ? { most: 10 } : undefined,
      },
    ],
    programs: [
      { name: 'pipe: singer-run with both', rows, used: used.pipe },
      { name: 'pipe: the target alone', rows: loadedAlone, used: [...used.before, ...used.alone] },
    ],
  }
}

/** Remembers what a run tells of the invoices, and asks the database what was true then. */
function listen(place: Place): { take(line: string): void; told(): Promise<Told[]> } {
  const begun = performance.now()
  const told: Promise<Told>[] = []
  return {
    take(line) {
      const read = readTold('invoices', line)
      if (read === undefined) return
      const at = (performance.now() - begun) / 1000
      told.push(committed(place).then((rows) => ({ ...read, at, committed: rows })))
    },
    told: () => Promise.all(told),
  }
}

async function committed({ database }: Place): Promise<number> {
  const loads = 'raw._singer_loads'
  const { rows: found } = await database.query('select to_regclass($1) as loads', [loads])
  // The target makes its tables when it has something to put into them.
  if (found[0].loads === null) return 0
  const { rows } = await database.query(
    `select coalesce(sum(inserted), 0)::int as rows from ${loads} where stream = 'invoices'`,
  )
  return rows[0].rows
}
