// Where the demo keeps things, and which Postgres it loads into.
import { existsSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError, EXIT, SingerError, writeFileAtomic } from '@singer-io-ts/core'
import pg from 'pg'
import type { Environment } from './demo-source.ts'
import { ask, createDatabase, type Warehouse, warehouse } from './postgres.ts'

export type Source = 'demo' | 'npm_start'

/** All paths are below `base`, the repository unless a test says otherwise. */
export type Places = {
  base: string
  postgres: string
  tapConfig: string
  targetConfig: string
  /** The simulated connection's tokens; real ones stay where the tap keeps them. */
  token: string
  diary: string
  log: string
  state: string
  /** Records of the runs, and the page made of them. */
  runs: string
  report: string
}

export function placesOf(base: string, source: Source): Places {
  const local = join(base, '.local', source)
  return {
    base,
    postgres: join(base, '.local', 'postgres'),
    tapConfig: join(local, 'tap.json'),
    targetConfig: join(local, 'target.json'),
    token: join(local, 'token.json'),
    diary: join(local, 'diary.json'),
    log: join(local, 'run.log'),
    state: join(base, 'state', `${source}.json`),
    runs: join(local, 'runs'),
    report: join(local, 'report.html'),
  }
}

export type Database = {
  connectionString: string
  schema: string
  /** Where it is, for people. */
  title: string
  /** How to look inside. */
  psql: string
  isEmbedded: boolean
  stop(): Promise<void>
}

/**
 * The Postgres of the environment, else the embedded one. Simulated rows never meet real ones:
 * a database of their own in the embedded server, a schema of their own in any other.
 */
export async function openDatabase(
  places: Places,
  source: Source,
  env: Environment,
): Promise<Database> {
  const server = await openServer(places, env)
  try {
    const { postgres } = server
    if (postgres === undefined) {
      await ask(server.connectionString, 'select 1').catch((cause) => {
        throw new SingerError(EXIT.database, `cannot connect to the server of ${server.origin}`, {
          cause,
          hint: `Start it, or unset ${server.origin} to use the embedded Postgres.`,
        })
      })
      return {
        connectionString: server.connectionString,
        schema: source === 'demo' ? 'singer_demo' : 'raw',
        title: `the server of ${server.origin}`,
        psql: env.DATABASE_URL ? 'psql "$DATABASE_URL"' : 'psql',
        isEmbedded: false,
        stop: server.stop,
      }
    }
    const url = new URL(server.connectionString)
    url.pathname = `/${source}`
    if (!(await hasDatabase(server.connectionString, source)))
      await createDatabase(server.connectionString, source)
    return {
      connectionString: url.href,
      schema: 'raw',
      title: `an embedded server, kept in ${describePlace(postgres.directory)}`,
      psql: (postgres.psql ?? `psql ${url.href} postgres`).replace(/ postgres$/, ` ${source}`),
      isEmbedded: true,
      stop: server.stop,
    }
  } catch (thrown) {
    await server.stop()
    throw thrown
  }
}

/** Root's folders are closed to the account that Postgres must run as. */
function describePlace(directory: string): string {
  const real = realpathSync(directory)
  return real.startsWith(realpathSync(join(directory, '..')))
    ? directory
    : `${real}\n            (its account cannot enter ${directory}, which is a link to it)`
}

async function openServer(places: Places, env: Environment): Promise<Warehouse> {
  return warehouse({ env: env as NodeJS.ProcessEnv, directory: places.postgres })
}

async function hasDatabase(server: string, name: string): Promise<boolean> {
  const rows = await ask(server, 'select 1 from pg_database where datname = $1', [name])
  return rows.length > 0
}

export async function hasTables({ connectionString, schema }: Database): Promise<boolean> {
  const sql = 'select to_regclass($1) is not null as there'
  const [row] = await ask(connectionString, sql, [`${pg.escapeIdentifier(schema)}.qb_invoices`])
  return (row as { there: boolean }).there
}

/** Forgets what was loaded. A database that is not ours loses the simulated rows at most. */
export async function beginAnew(places: Places, source: Source, database: Database): Promise<void> {
  for (const file of [places.state, places.diary]) rmSync(file, { force: true })
  rmSync(places.runs, { recursive: true, force: true })
  if (!database.isEmbedded && source === 'npm_start') return
  const schema = pg.escapeIdentifier(database.schema)
  await ask(database.connectionString, `drop schema if exists ${schema} cascade`)
}

/** Settings files of our own, readable by their owner alone. */
export async function writeSettings(path: string, settings: object): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(settings, null, 2)}\n`)
}

/** A state without its tables would leave the rows out that it speaks of. */
export function refuseLostTables(places: Places, database: Database): void {
  if (!existsSync(places.state)) return
  throw new ConfigError(
    [`${places.state} says what is loaded, but ${database.title} has no table for it`],
    { hint: 'npm start -- --fresh reads everything again.' },
  )
}
