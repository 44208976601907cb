import { fileURLToPath } from 'node:url'
import type { Finding, Measured } from './finding.ts'
import { type Place, TARGET } from './place.ts'
import { alternate, peakOf, ratioOf } from './rounds.ts'
import type { Input } from './rows.ts'
import type { Used } from './used.ts'

const COPY = fileURLToPath(new URL('copy.mjs', import.meta.url))

export type LoadGoals = { time: number; cpu?: number }

/** The target against plain COPY into the very same table, and the same rows once more. */
export async function measureLoad(
  place: Place,
  input: Input,
  what: string,
  goals: LoadGoals,
  rounds: number,
  peers: Readonly<Record<string, string>> = {},
): Promise<Measured> {
  const { singer, copy, rows, table, schema } = input
  const target = `cat ${singer} | ${TARGET} -c ${place.targetConfig}`
  const again: Used[] = []
  let touched = 0

  async function ours(): Promise<Used> {
    await place.clear()
    const first = await place.load(target)
    await expectRows(place, input)
    await place.database.query('checkpoint')
    const before = await tuplesWritten(place, table)
    again.push(await place.load(target))
    touched += (await tuplesWritten(place, table)) - before
    return first
  }

  async function plain(): Promise<Used> {
    await place.clear()
    await place.load(`${TARGET} -c ${place.targetConfig} --input ${schema}`)
    await place.database.query('checkpoint')
    const used = await place.load(
      `cat ${copy} | node ${COPY} ${place.connectionString} raw.${table}`,
    )
    await expectRows(place, input)
    return used
  }

  const others = Object.entries(peers).map(([name, command]): [string, () => Promise<Used>] => [
    name,
    async () => {
      await place.clear()
      return place.load(`cat ${singer} | ( ${command} )`)
    },
  ])
  const used = await alternate<string>(rounds, { ours, plain, ...Object.fromEntries(others) })
  const { ours: first = [], plain: yardstick = [] } = used
  const findings: Finding[] = [
    {
      what: `${what}: time of the target / plain COPY`,
      value: ratioOf(first, yardstick, 'seconds'),
      unit: '×',
      goal: { most: goals.time },
    },
    {
      what: `${what}: its CPU / Postgres' CPU`,
      value: 100 * shareOf(first),
      unit: '%',
      goal: goals.cpu === undefined ? undefined : { most: goals.cpu },
    },
    {
      what: `${what}: the same rows again / first load`,
      value: ratioOf(again, first, 'seconds'),
      unit: '×',
      goal: { most: 1.1 },
    },
    { what: `${what}: written by that`, value: touched, unit: 'rows', goal: { most: 0 } },
    {
      what: `${what}: peak memory of the target`,
      value: Math.max(peakOf(first), peakOf(again)),
      unit: 'MB',
      goal: { most: 120 },
    },
  ]
  return {
    findings,
    programs: [
      { name: `${what}: target-postgres-raw`, rows, used: first },
      { name: `${what}: the same rows again`, rows, used: again },
      { name: `${what}: plain COPY`, rows, used: yardstick },
      ...others.map(([name]) => ({ name: `${what}: ${name}`, rows, used: used[name] ?? [] })),
    ],
  }
}

function shareOf(used: readonly Used[]): number {
  const share = used.map((one) => ({ ...one, seconds: one.cpuSeconds / one.postgresSeconds }))
  return ratioOf(
    share,
    share.map((one) => ({ ...one, seconds: 1 })),
    'seconds',
  )
}

async function expectRows(place: Place, { rows, table }: Input): Promise<void> {
  const { rows: found } = await place.database.query(
    `select count(*)::int as rows from raw.${table}`,
  )
  if (found[0].rows !== rows)
    throw new Error(`${found[0].rows} rows are in raw.${table}, ${rows} should be`)
}

/** Rows that were inserted, updated or deleted in the table so far; dead ones among them. */
async function tuplesWritten(place: Place, table: string): Promise<number> {
  const { rows } = await place.database.query(
    `select (n_tup_ins + n_tup_upd + n_tup_del + n_dead_tup)::int as written
       from pg_stat_user_tables where schemaname = 'raw' and relname = $1`,
    [table],
  )
  return rows[0]?.written ?? 0
}
