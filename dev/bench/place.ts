import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { startPostgres } from '../postgres.ts'
import { type Used, use } from './used.ts'

const BINARIES = fileURLToPath(new URL('../../node_modules/.bin/', import.meta.url))
export const TAP: string = join(BINARIES, 'tap-quickbooks')
export const TARGET: string = join(BINARIES, 'target-postgres-raw')
export const RUNNER: string = join(BINARIES, 'singer-run')

/** Where things are measured: a folder, a Postgres of its own and the settings of the target. */
export type Place = {
  folder: string
  connectionString: string
  /** For a target of someone else: how to connect, by `DATABASE_URL` and `PG*`. */
  environment: Record<string, string>
  targetConfig: string
  database: pg.Client
  /** Writes a file of the folder; gives its path. */
  write(name: string, content: unknown): string
  /** Runs what works on the database, and counts what Postgres takes for it. */
  load(command: string, onLog?: (line: string) => void): Promise<Used>
  /** All tables are gone, and nothing of them is still to be written. */
  clear(): Promise<void>
  close(): Promise<void>
}

/** Nothing of its own accord in the middle of a measurement. */
const QUIET = { autovacuum: 'off', max_wal_size: '8GB', checkpoint_timeout: '1h' }

export async function openPlace(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  const postgres = await startPostgres({ settings: QUIET })
  const { connectionString } = postgres
  const database = new pg.Client({ connectionString })
  await database.connect()
  const write = (name: string, content: unknown): string => {
    const path = join(folder, name)
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
    return path
  }
  const environment = {
    DATABASE_URL: connectionString,
    PGHOST: postgres.host,
    PGPORT: String(postgres.port),
    PGUSER: postgres.user,
    PGPASSWORD: postgres.password,
    PGDATABASE: postgres.database,
  }
  return {
    folder,
    connectionString,
    environment,
    targetConfig: write('target.json', { connection_string: connectionString }),
    database,
    write,
    async load(command, onLog) {
      const used = await use({ command, env: environment, onLog, postgres: postgres.pid })
      await sessionsEnded(database)
      return used
    },
    async clear() {
      const { rows } = await database.query<{ name: string }>(
        "select quote_ident(nspname) as name from pg_namespace where nspname !~ '^pg_|^information_schema$'",
      )
      for (const { name } of rows) await database.query(`drop schema ${name} cascade`)
      await database.query('create schema public')
      await database.query('checkpoint')
    },
    async close() {
      await database.end()
      await postgres.stop('immediate')
      rmSync(folder, { recursive: true })
    },
  }
}

/** The last of a session, its statistics too, comes after its client has gone. */
async function sessionsEnded(database: pg.Client): Promise<void> {
  for (;;) {
    const { rowCount } = await database.query(
      "select from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()",
    )
    if (rowCount === 0) return
  }
}

/** Writes what a query gives in COPY's text format. */
export async function copyOut(place: Place, query: string, name: string): Promise<string> {
  const path = join(place.folder, name)
  await pipeline(place.database.query(copyTo(`copy (${query}) to stdout`)), createWriteStream(path))
  return path
}
