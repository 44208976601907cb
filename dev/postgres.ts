/**
 * A real Postgres without an installation, for the demo, the tests and the benchmarks.
 *
 * A kept directory holds `data/`, `password` (in the format of PGPASSFILE) and `postgres.log`.
 * The server listens on 127.0.0.1 alone, has no Unix socket, and asks for a password (SCRAM).
 */
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import {
  type Cluster,
  everything,
  prepareCluster,
  type StartOptions,
} from './postgres/directory.ts'
import {
  ask,
  connectionStringOf,
  end,
  findRunning,
  hasEnded,
  launch,
  type Server,
  type StopMode,
} from './postgres/process.ts'

export { ask } from './postgres/process.ts'

export type Postgres = {
  host: '127.0.0.1'
  port: number
  user: 'postgres'
  password: string
  database: 'postgres'
  connectionString: string
  /** Where the data lies; for root this may be elsewhere than asked, if the server cannot get there. */
  directory: string
  log: string
  /** The psql call that looks inside; holds no password. Absent for a temporary server. */
  psql?: string
  /** True when it was running already. */
  reused: boolean
  readonly pid: number
  /** A fresh, empty database; resolves to its connection string. */
  createDatabase(name?: string): Promise<string>
  /** Ends the server; a temporary one leaves nothing behind. */
  stop(mode?: StopMode): Promise<void>
  /** `kill -9` of the postmaster, as a crash would do; `restart` recovers. */
  kill9(): Promise<void>
  restart(mode?: StopMode): Promise<void>
  /** Lets the server live on when this process ends; the next start in the directory reuses it. */
  leaveRunning(): void
}

/** Starts a server, or finds the one that already runs in the directory. */
export async function startPostgres(options: StartOptions = {}): Promise<Postgres> {
  const cluster = await prepareCluster(options)
  try {
    const found = await findRunning(cluster)
    return handle(cluster, found ?? (await launch(cluster, options.port)))
  } catch (error) {
    if (cluster.temporary) rmSync(cluster.temporary, everything)
    throw error
  }
}

export type Warehouse = {
  connectionString: string
  /** For people: `DATABASE_URL`, `PGHOST and PGUSER`, or the directory. */
  origin: string
  /** The embedded server, unless the environment names another. */
  postgres?: Postgres
  /** Ends what this call started, and nothing else. */
  stop(): Promise<void>
}

/** The server of the environment (DATABASE_URL, PG*), else the embedded one in a kept directory. */
export async function warehouse(
  options: StartOptions & { env?: NodeJS.ProcessEnv } = {},
): Promise<Warehouse> {
  const { env = process.env, ...start } = options
  const nothing = async () => {}
  if (env.DATABASE_URL) {
    return { connectionString: env.DATABASE_URL, origin: 'DATABASE_URL', stop: nothing }
  }
  const names = ['PGHOST', 'PGPORT', 'PGUSER', 'PGPASSWORD', 'PGDATABASE'].filter((n) => env[n])
  if (names.length > 0) {
    return { connectionString: fromVariables(env), origin: names.join(', '), stop: nothing }
  }
  const directory = fileURLToPath(new URL('../.local/postgres', import.meta.url))
  const postgres = await startPostgres({ directory, ...start })
  return {
    connectionString: postgres.connectionString,
    origin: postgres.directory,
    postgres,
    stop: postgres.reused ? nothing : () => postgres.stop(),
  }
}

/** What is not said is left to the defaults of libpq and pg: the user's name, ~/.pgpass. */
function fromVariables({ PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE }: NodeJS.ProcessEnv) {
  const user = PGUSER || pg.defaults.user || 'postgres'
  const url = new URL(`postgresql://${encodeURIComponent(user)}@localhost:${PGPORT || 5432}`)
  url.password = encodeURIComponent(PGPASSWORD ?? '')
  url.pathname = `/${encodeURIComponent(PGDATABASE || user)}`
  if (PGHOST?.startsWith('/')) url.searchParams.set('host', PGHOST)
  else if (PGHOST) url.hostname = PGHOST.includes(':') ? `[${PGHOST}]` : PGHOST
  return url.href
}

/** Makes a database beside the one of the connection string, on the same server. */
export async function createDatabase(
  server: string,
  name = `db_${randomBytes(6).toString('hex')}`,
) {
  await ask(server, `create database ${pg.escapeIdentifier(name)} template template0`)
  const url = new URL(server)
  url.pathname = `/${encodeURIComponent(name)}`
  return url.href
}

function handle(cluster: Cluster, started: Server): Postgres {
  let server = started
  const { port } = started
  const connectionString = connectionStringOf(cluster, port)
  const file = join(cluster.log, '..', 'password')
  const passfile = /[^\w./-]/.test(file) ? `'${file.replaceAll("'", `'\\''`)}'` : file
  return {
    host: '127.0.0.1',
    port,
    user: 'postgres',
    password: cluster.password,
    database: 'postgres',
    connectionString,
    directory: cluster.data,
    log: cluster.log,
    ...(!cluster.temporary && {
      psql: `PGPASSFILE=${passfile} psql -h 127.0.0.1 -p ${port} -U postgres postgres`,
    }),
    reused: !started.ours,
    get pid() {
      return server.pid
    },
    createDatabase: (name) => createDatabase(connectionString, name),
    async stop(mode) {
      await end(cluster, server, mode)
      if (cluster.temporary) rmSync(cluster.temporary, everything)
    },
    async kill9() {
      process.kill(server.pid, 'SIGKILL')
      await hasEnded(server, 10_000)
    },
    async restart(mode) {
      await end(cluster, server, mode)
      server = await launch(cluster, port)
    },
    leaveRunning: () => server.release(),
  }
}
