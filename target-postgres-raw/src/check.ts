import { type Check, EXIT, type Life, tellCheck } from '@singer-io-ts/core'
import type pg from 'pg'
import type { Settings } from './config.ts'
import { describeConnection } from './connection.ts'
import { CONTROL_TABLES } from './control.ts'
import { LoadError, loadError } from './errors.ts'
import { openDatabase } from './postgres.ts'
import { toCreateSchema, toCreateTable, toStage, toUse } from './rights.ts'
import { BEGIN_QUESTION, qualified } from './sql.ts'
import { askMisfits, tableNames } from './table.ts'
import { isLoopback } from './tls.ts'

/** Those that most taps of QuickBooks have; what this one will be sent, it cannot know. */
const USUAL_STREAMS = ['invoices', 'customers', 'items']

/** Older servers may do; nobody has tried. */
const LEAST_SERVER = 140_000

/**
 * `target-postgres-raw --test`: connects and looks whether a load could be stored; makes nothing.
 * Throws LoadError where it could not.
 */
export async function checkDatabase(settings: Settings, life: Life): Promise<number> {
  const { connection, schema, tablePrefix } = settings
  const where = describeConnection(connection)
  const prefix = tablePrefix === '' ? 'without a table_prefix' : `table_prefix ${tablePrefix}`
  tellCheck({ check: 'settings', outcome: 'ok', found: `schema ${schema}, ${prefix}` }, life)
  const { log, signal } = life
  // Whoever tries wants to know soon.
  const database = openDatabase({ ...settings, maxAttempts: 1, log, signal, begin: BEGIN_QUESTION })
  signal.addEventListener('abort', database.destroy)
  const failed: Check[] = []
  const tell = (check: Check): void => {
    tellCheck(check, life)
    if (check.outcome === 'fail') failed.push(check)
  }
  try {
    await database.transact(async (client) => {
      tell(checkTls(client, settings, where))
      const server = await askServer(client, schema)
      tell(checkServer(server))
      const { tables, names } = await askTables(client, settings, server)
      tell(checkRights(server, tables, client, settings))
      for (const name of names) {
        const misfits = await askMisfits(client, schema, name)
        const isKnown = tables.some((table) => table.name === name)
        if (misfits.length > 0) tell(describeMisfits(name, misfits, isKnown, settings))
      }
    })
  } catch (thrown) {
    throw loadError(thrown, `cannot look into ${where}`, {}, toUse(settings, 'select'))
  } finally {
    await database.close()
  }
  const [first] = failed
  if (first !== undefined)
    throw new LoadError(`${where}: nothing can be loaded there: ${first.found}`, {
      hint: first.todo,
    })
  return EXIT.done
}

function checkTls(client: pg.Client, { connection }: Settings, where: string): Check {
  const { stream } = (client as unknown as { connection: { stream: Stream } }).connection
  const protocol = stream.encrypted ? (stream.getProtocol?.() ?? 'TLS') : undefined
  const check = 'connection'
  if (protocol !== undefined) return { check, outcome: 'ok', found: `${where}, by ${protocol}` }
  if (isLoopback(connection.host))
    return { check, outcome: 'ok', found: `${where}, not encrypted, on this machine` }
  return {
    check,
    outcome: 'warn',
    found: `${where}, not encrypted`,
    todo: 'Set ssl_mode to verify-full, or at least to require, if the server can: others on the way can read along now',
  }
}

type Stream = { encrypted?: boolean; getProtocol?: () => string | null }

type Server = {
  version: string
  number: number
  standby: boolean
  read_only: boolean
  /** Rights in the database. */
  temporary: boolean
  create_schema: boolean
  /** Null where there is no such schema. */
  usage: boolean | null
  create: boolean | null
}

async function askServer(client: pg.Client, schema: string): Promise<Server> {
  const { rows } = await client.query<Server>(SERVER, [schema])
  return rows[0] as Server
}

function checkServer({ version, number, standby, read_only: isReadOnly }: Server): Check {
  const check = 'server'
  if (standby || isReadOnly)
    return {
      check,
      outcome: 'fail',
      found: `Postgres ${version} is read-only: a standby, or set so`,
      todo: 'Connect to the primary server.',
    }
  if (number < LEAST_SERVER)
    return {
      check,
      outcome: 'fail',
      found: `Postgres ${version} is older than 14, the oldest that this target is for`,
      todo: 'Upgrade the server.',
    }
  return { check, outcome: 'ok', found: `Postgres ${version}` }
}

type Right = 'select' | 'insert' | 'update' | 'delete'
type Table = { name: string } & Record<Right, boolean>

/** The tables of this target in the schema, and the names that raw ones have or would get. */
async function askTables(
  client: pg.Client,
  { schema, tablePrefix }: Settings,
  { usage }: Server,
): Promise<{ tables: Table[]; names: string[] }> {
  if (usage !== true) return { tables: [], names: [] }
  const { rows } = await client.query<Table>(TABLES, [schema])
  const streams = rows.find(({ name, select }) => name === '_singer_streams' && select)
  type Row = { stream: string; table_name: string }
  const named =
    streams === undefined
      ? []
      : (
          await client.query<Row>(
            `select stream, table_name from ${qualified(schema, '_singer_streams')}`,
          )
        ).rows
  // In one schema there may be the tables of other prefixes.
  const own = named.filter(({ stream, table_name: table }) =>
    tableNames(tablePrefix, stream).includes(table),
  )
  const free = (name: string): boolean => named.every((row) => row.table_name !== name)
  const next = USUAL_STREAMS.filter((name) => own.every(({ stream }) => stream !== name)).flatMap(
    (name) => tableNames(tablePrefix, name).find(free) ?? [],
  )
  const raw = own.map((row) => row.table_name)
  const all = new Set([...Object.keys(CONTROL_TABLES), ...raw])
  return { tables: rows.filter(({ name }) => all.has(name)), names: [...raw, ...next] }
}

function describeMisfits(
  name: string,
  misfits: readonly string[],
  isKnown: boolean,
  settings: Settings,
): Check {
  const { schema, tablePrefix } = settings
  return {
    check: 'tables',
    // Without a prefix it may be somebody's who has nothing to do with this.
    outcome: tablePrefix === '' && !isKnown ? 'warn' : 'fail',
    found: `table ${schema}.${name} stands already and does not fit: ${misfits.join('; ')}`,
    todo: 'Rename that table, or set another table_prefix or default_target_schema.',
  }
}

function checkRights(
  server: Server,
  tables: readonly Table[],
  client: pg.Client,
  settings: Settings,
): Check {
  const { schema, hardDelete } = settings
  const fail = (found: string, todo: string): Check => ({
    check: 'rights',
    outcome: 'fail',
    found,
    todo,
  })
  const present = Object.keys(CONTROL_TABLES).filter((name) =>
    tables.some((table) => table.name === name),
  )
  const raw = tables.length - present.length
  const ok = (found: string): Check => ({ check: 'rights', outcome: 'ok', found, tables: raw })
  if (!server.temporary)
    return fail('the right to make temporary tables is missing', toStage(client))
  if (server.usage === null)
    return server.create_schema
      ? ok(`there is no schema ${schema} yet; the first load makes it`)
      : fail(
          `there is no schema ${schema}, and no right to make it`,
          toCreateSchema(client, schema),
        )
  const wanted: Right[] = ['select', 'insert', 'update', ...(hardDelete ? ['delete' as const] : [])]
  const lacking = tables.filter((table) => wanted.some((right) => !table[right]))
  if (server.usage === false || lacking.length > 0) {
    const names = lacking.map(({ name }) => name)
    const shown = names.length > 5 ? [...names.slice(0, 5), `${names.length - 5} more`] : names
    return fail(
      server.usage
        ? `rights are missing to ${shown.join(', ')}`
        : `no right to use schema ${schema}`,
      toUse(settings, wanted.join(', ')),
    )
  }
  const missing = Object.keys(CONTROL_TABLES).filter((name) => !present.includes(name))
  if (missing.length > 0 && !server.create)
    return fail(
      `there is no table ${missing.join(', ')} in schema ${schema}, and no right to make it`,
      toCreateTable(client, schema),
    )
  const known = `may load into ${raw === 1 ? '1 table' : `${raw} tables`} of schema ${schema}`
  return ok(server.create ? `${known}, and make others` : `${known}, but make no other one`)
}

const SERVER = `
select current_setting('server_version') as version,
       current_setting('server_version_num')::int as number,
       pg_is_in_recovery() as standby,
       current_setting('default_transaction_read_only') = 'on' as read_only,
       has_database_privilege(current_database(), 'temporary') as temporary,
       has_database_privilege(current_database(), 'create') as create_schema,
       has_schema_privilege(n.oid, 'usage') as usage,
       has_schema_privilege(n.oid, 'create') as create
  from (select) as one left join pg_namespace n on n.nspname = $1`

const TABLES = `
select c.relname as name,
       has_table_privilege(c.oid, 'select') as select,
       has_table_privilege(c.oid, 'insert') as insert,
       has_table_privilege(c.oid, 'update') as update,
       has_table_privilege(c.oid, 'delete') as delete
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = $1 and c.relkind in ('r', 'p')`
