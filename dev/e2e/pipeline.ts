import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import pg from 'pg'
import { onTestFinished } from 'vitest'
import { type Simulator, type SimulatorOptions, startSimulator } from '../simulator/index.ts'
import { testDatabase } from '../vitest-postgres.ts'

/** The published commands, as a user has them after `npm ci`. */
export const BINARIES: string = fileURLToPath(new URL('../../node_modules/.bin/', import.meta.url))
export const TAP: string = join(BINARIES, 'tap-quickbooks')
export const TARGET: string = join(BINARIES, 'target-postgres-raw')
export const RUNNER: string = join(BINARIES, 'singer-run')

export const ENTITIES: Record<string, string> = {
  invoices: 'Invoice',
  customers: 'Customer',
  items: 'Item',
}

/** A company, an empty database and a folder with the settings of both; gone after the test. */
export type Pipeline = {
  simulator: Simulator
  database: pg.Client
  connectionString: string
  folder: string
  tapConfig: string
  targetConfig: string
  state: string
  /** Writes settings into a file of the folder; gives its path. */
  write(name: string, content: unknown): string
  /** Runs the pair under singer-run. */
  run(): Promise<Ended>
  launch(): Promise<Ended> & { kill(signal: 'SIGTERM'): boolean }
}

/** How a run ended; `exitCode` is undefined when it was killed. */
export type Ended = { exitCode?: number | undefined; stdout: string; stderr: string }

export async function createPipeline(
  company: SimulatorOptions,
  settings: { tap?: Record<string, unknown>; target?: Record<string, unknown> } = {},
): Promise<Pipeline> {
  const simulator = await startSimulator({ limits: false, ...company })
  const connectionString = await testDatabase()
  const database = new pg.Client({ connectionString })
  await database.connect()
  const folder = mkdtempSync(join(tmpdir(), 'pipeline-'))
  onTestFinished(async () => {
    await database.end()
    await simulator.close()
    rmSync(folder, { recursive: true })
  })
  const write = (name: string, content: unknown): string => {
    const path = join(folder, name)
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
    return path
  }
  const tapConfig = write('tap.json', {
    ...simulator.config,
    token_file: join(folder, 'token.json'),
    backoff_seconds: 0.01,
    ...settings.tap,
  })
  const targetConfig = write('target.json', {
    connection_string: connectionString,
    table_prefix: 'qb_',
    backoff_seconds: 0.01,
    ...settings.target,
  })
  const state = join(folder, 'state.json')
  const launch = () =>
    execa(
      RUNNER,
      [
        '--tap',
        `${TAP} -c ${tapConfig}`,
        '--target',
        `${TARGET} -c ${targetConfig}`,
        '--state',
        state,
      ],
      { reject: false },
    )
  return {
    simulator,
    database,
    connectionString,
    folder,
    tapConfig,
    targetConfig,
    state,
    write,
    run: launch,
    launch,
  }
}

export type Difference = { stream: string; missing: number; extra: number; different: number }

/**
 * Compares each table with what the company holds, digit for digit: Postgres reads both texts as
 * jsonb, and their binary images must be the same (jsonb's own = says that 1.10 is 1.1).
 */
export async function compareWithCompany(pipeline: Pipeline): Promise<Difference[]> {
  const { database, simulator } = pipeline
  const differences: Difference[] = []
  await database.query('create temp table if not exists source (payload jsonb)')
  for (const [stream, entity] of Object.entries(ENTITIES)) {
    await database.query('truncate source')
    const rows = simulator.rows(entity)
    for (let from = 0; from < rows.length; from += 1000)
      await database.query('insert into source select * from unnest($1::jsonb[])', [
        rows.slice(from, from + 1000),
      ])
    const { rows: found } = await database.query(`
      select count(*) filter (where t.id is null)::int as missing,
             count(*) filter (where s.payload is null)::int as extra,
             count(*) filter (where record_image_ne(row(t.payload), row(s.payload))
                                and t.id is not null and s.payload is not null)::int as different
      from source s
      full join (select * from raw.qb_${stream} where deleted_at_utc is null) t
        on t.id = s.payload->>'Id'`)
    differences.push({ stream, ...found[0] })
  }
  return differences.filter((one) => one.missing + one.extra + one.different > 0)
}

/** Rows in the table of a stream. */
export async function countRows(pipeline: Pipeline, stream: string): Promise<number> {
  const { rows } = await pipeline.database.query(`select count(*)::int from raw.qb_${stream}`)
  return rows[0].count
}

/** The state file, parsed. */
export function readStateFile(pipeline: Pipeline): {
  bookmarks: Record<
    string,
    { replication_key_value: string; completed_ranges?: [string, string][] }
  >
  currently_syncing: string | null
} {
  return JSON.parse(readFileSync(pipeline.state, 'utf8'))
}

/** The process of this pipeline whose command line names the program. */
export function findProcess(pipeline: Pipeline, program: string): number | undefined {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    let words: string[]
    try {
      words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    } catch {
      continue
    }
    const isProgram = words.slice(0, 2).some((word) => word.endsWith(`/${program}`))
    const isOurs = words.some((word) => word.startsWith(pipeline.folder))
    if (isProgram && isOurs) return Number(pid)
  }
  return undefined
}
