import { ConfigError, EXIT, type Life } from '@singer-io-ts/core'
import type pg from 'pg'
import type { Settings } from './config.ts'
import { describeConnection } from './connection.ts'
import { codeOf, loadError } from './errors.ts'
import { openDatabase } from './postgres.ts'
import { toUse } from './rights.ts'
import { BEGIN_QUESTION, qualified } from './sql.ts'
import { tableNames } from './table.ts'

/**
 * `target-postgres-raw state`: the last committed STATE of `state_id`, to the letter. Throws
 * ConfigError where none is kept.
 */
export async function state(settings: Settings, life: Life): Promise<number> {
  const what = `read the STATE in schema '${settings.schema}'`
  await life.out.write(await ask(settings, life, what, (client) => keptState(client, settings)))
  return EXIT.done
}

/** The last committed STATE of `state_id`; throws ConfigError where none is kept. */
export async function keptState(client: pg.Client, settings: Settings): Promise<string> {
  const { schema, stateId } = settings
  const { rows } = await client.query<{ state_id: string; value: string }>(selectStates(schema))
  const value = rows.find((row) => row.state_id === stateId)?.value
  if (value !== undefined) return value
  const others = rows.map((row) => `'${row.state_id}'`).join(', ')
  throw nothingKept(
    settings,
    `no STATE is kept under the state_id '${stateId}'${others === '' ? '' : `, only under ${others}`}`,
  )
}

/**
 * `target-postgres-raw count`: the rows of each stream and window that are not marked deleted, a
 * JSON line each, with the members and the order of `tap-quickbooks count`.
 */
export async function count(settings: Settings, life: Life): Promise<number> {
  const { schema } = settings
  // Printed when all is known, for a lost connection begins anew.
  const { lines, gone } = await ask(
    settings,
    life,
    `count the rows in schema '${schema}'`,
    (client) => countStreams(client, settings),
    true,
  )
  for (const line of lines) await life.out.write(line)
  for (const table of gone) life.log.warning(`table ${schema}.${table} is not there any more`)
  return EXIT.done
}

async function countStreams(
  client: pg.Client,
  settings: Settings,
): Promise<{ lines: string[]; gone: string[] }> {
  const { schema } = settings
  const streams = await streamTables(client, settings)
  const lines: string[] = []
  for (const { stream, table_name: table } of streams.filter((row) => row.is_there)) {
    type Window = { start: string | null; end: string | null; rows: string }
    const windows = await client.query<Window>(countWindows(qualified(schema, table)))
    for (const { start, end, rows } of windows.rows)
      lines.push(
        JSON.stringify({
          stream,
          extract_window_start_utc: withZ(start),
          extract_window_end_utc: withZ(end),
          rows: Number(rows),
        }),
      )
  }
  return { lines, gone: streams.filter((row) => !row.is_there).map((row) => row.table_name) }
}

/** The tables of this target; `is_there` is false for one that somebody has dropped. */
export async function streamTables(
  client: pg.Client,
  { schema, tablePrefix: prefix }: Settings,
): Promise<{ stream: string; table_name: string; is_there: boolean }[]> {
  type Found = { stream: string; table_name: string; is_there: boolean }
  const { rows } = await client.query<Found>(selectStreams(schema), [schema])
  // In one schema there may be the tables of other prefixes.
  return rows.filter((row) => tableNames(prefix, row.stream).includes(row.table_name))
}

/** Asks the database; needs no right but SELECT, unless `begin` is no read-only transaction. */
export async function ask<Answer>(
  settings: Settings,
  { log, signal }: Pick<Life, 'log' | 'signal'>,
  what: string,
  question: (client: pg.Client) => Promise<Answer>,
  /** Whether the answer may take minutes. */
  isPatient = false,
  begin: string = BEGIN_QUESTION,
): Promise<Answer> {
  const database = openDatabase({ ...settings, log, signal, begin })
  signal.addEventListener('abort', database.destroy)
  try {
    return await database.transact(question, { isPatient })
  } catch (thrown) {
    if (codeOf(thrown) === UNDEFINED_TABLE)
      throw nothingKept(settings, `schema '${settings.schema}' has no tables of this target`)
    throw loadError(
      thrown,
      `cannot ${what} of ${describeConnection(settings.connection)}`,
      {},
      toUse(settings, 'select'),
    )
  } finally {
    await database.close()
  }
}

const UNDEFINED_TABLE = '42P01'

function nothingKept(settings: Settings, what: string): ConfigError {
  const where = describeConnection(settings.connection)
  return new ConfigError([`${what} (${where}, schema '${settings.schema}')`], {
    hint: 'Nothing was loaded there yet, or database, default_target_schema or state_id are not those of the load.',
  })
}

function withZ(time: string | null): string | null {
  return time?.replace(/\+00:00$/, 'Z') ?? null
}

/** The STATE of every pipeline of the schema. */
function selectStates(schema: string): string {
  return `select state_id, value from ${qualified(schema, '_singer_state')}
   where value is not null order by state_id collate "C"`
}

/** Which stream is in which table, and whether the table is there. */
function selectStreams(schema: string): string {
  return `
select s.stream, s.table_name, c.oid is not null as is_there
  from ${qualified(schema, '_singer_streams')} s
  left join (pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname = $1)
    on c.relname = s.table_name
 order by s.stream collate "C", s.table_name collate "C"`
}

/** The rows of a table that are not marked deleted, by window; times in ISO 8601 with +00:00. */
function countWindows(table: string): string {
  return `
select to_json(extract_window_start_utc::timestamptz) #>> '{}' as start,
       to_json(extract_window_end_utc::timestamptz) #>> '{}' as end, count(*) as rows
  from ${table} where deleted_at_utc is null
 group by extract_window_start_utc, extract_window_end_utc
 order by extract_window_start_utc, extract_window_end_utc`
}
