import { ConfigError, EXIT, type Life } from '@singer-io-ts/core'
import type pg from 'pg'
import { ask, streamTables } from './answers.ts'
import type { Settings } from './config.ts'
import { codeOf } from './errors.ts'
import { define, toCreateSchema, toCreateView } from './rights.ts'
import { BEGIN_LOAD, BEGIN_QUESTION, qualified } from './sql.ts'
import { tableNames } from './table.ts'
import { SALES, type View } from './viewlist.ts'
import { OTHERS } from './viewothers.ts'
import { type Place, planViews } from './viewplan.ts'
import { ADDRESS_STREAMS, type Source, type Wish, wishFor, wishForAddresses } from './viewsql.ts'

/** Every view but `address`, which is over several tables. */
export const VIEWS: readonly View[] = [...SALES, ...OTHERS]

export type ViewsFlags = {
  /** Where the views go. */
  schema: string
  /** The SQL is printed, and nothing changed. */
  isPrinted: boolean
}

// The views' own text has backslashes.
const SETTINGS = 'set local search_path to pg_catalog; set local standard_conforming_strings to on'

/**
 * `target-postgres-raw views`: views over the raw tables of QuickBooks' streams, with typed columns
 * under the names that the dbt package fivetran/dbt_quickbooks reads; all or none.
 */
export async function views(
  settings: Settings,
  { schema, isPrinted }: ViewsFlags,
  life: Life,
): Promise<number> {
  refuseSchema(schema)
  const place: Place = { schema, rawSchema: settings.schema, prefix: settings.tablePrefix }
  const begin = isPrinted ? BEGIN_QUESTION : BEGIN_LOAD
  const what = `${isPrinted ? 'plan' : 'make'} the views in schema '${schema}'`
  const done = await ask(
    settings,
    life,
    what,
    async (client) => {
      await client.query(SETTINGS)
      if (!isPrinted)
        await client.query('select pg_advisory_xact_lock(hashtext($1), hashtext($2))', [
          'target-postgres-raw views',
          schema,
        ])
      const sources = await findSources(client, settings)
      const wishes = wishesFor(sources)
      if (wishes.length === 0)
        throw new ConfigError(
          [
            `no stream of QuickBooks has a table in schema '${place.rawSchema}' with the table_prefix '${place.prefix}'`,
          ],
          { hint: 'Load first, or give the default_target_schema and table_prefix of the load.' },
        )
      const { statements } = await planViews(client, place, wishes)
      if (!isPrinted) await run(client, schema, statements, wishes)
      return { statements, wishes }
    },
    true,
    begin,
  )
  if (isPrinted) await life.out.write(script(done.statements))
  const names = done.wishes.map((wish) => wish.name)
  const left = VIEWS.filter((view) => !names.includes(view.name))
  if (!isPrinted) life.log.info(`schema ${schema} has the views ${names.join(', ')}`)
  if (left.length > 0) {
    const views = left.map((view) => `${view.name} (${view.stream})`).join(', ')
    life.log.info(`left out, for their streams have no table yet: ${views}`)
  }
  return EXIT.done
}

function refuseSchema(schema: string): void {
  if (schema === '' || schema.includes('\0') || Buffer.byteLength(schema) > 63)
    throw new ConfigError(['--schema: must be a name of 1 to 63 bytes'])
}

/** The raw tables of the streams that a view is over. */
async function findSources(client: pg.Client, settings: Settings): Promise<Source[]> {
  const { schema, tablePrefix } = settings
  const found = await streamTables(client, settings)
  const tables = new Map<string, string>()
  for (const stream of new Set([...VIEWS.map((view) => view.stream), ...ADDRESS_STREAMS])) {
    const table = tableNames(tablePrefix, stream).find((one) =>
      found.some((row) => row.stream === stream && row.table_name === one && row.is_there),
    )
    if (table !== undefined) tables.set(stream, table)
  }
  const { rows: types } = await client.query<{ table: string; column: string; type: string }>(
    `select c.relname as table, a.attname as column, t.typname as type
       from pg_attribute a join pg_class c on c.oid = a.attrelid
       join pg_namespace n on n.oid = c.relnamespace join pg_type t on t.oid = a.atttypid
      where n.nspname = $1 and c.relname = any($2) and a.attname in ('payload', 'ingested_at_utc')`,
    [schema, [...tables.values()]],
  )
  const typeOf = (table: string, column: string) =>
    types.find((one) => one.table === table && one.column === column)?.type
  return [...tables].map(([stream, table]) => ({
    stream,
    table: qualified(schema, table),
    payloadType: typeOf(table, 'payload') === 'json' ? 'json' : 'jsonb',
    hasZonedIngestion: typeOf(table, 'ingested_at_utc') !== 'timestamp',
  }))
}

function wishesFor(sources: readonly Source[]): Wish[] {
  const wishes = VIEWS.flatMap((view) => {
    const source = sources.find((one) => one.stream === view.stream)
    return source === undefined ? [] : [wishFor(view, source)]
  })
  const withAddresses = sources.filter((source) => ADDRESS_STREAMS.includes(source.stream))
  return withAddresses.length === 0 ? wishes : [...wishes, wishForAddresses(withAddresses)]
}

const DEPENDENT = '2BP01'

async function run(
  client: pg.Client,
  schema: string,
  statements: readonly string[],
  wishes: readonly Wish[],
): Promise<void> {
  try {
    for (const statement of statements) {
      const isSchema = statement.startsWith('create schema')
      const remedy = isSchema ? toCreateSchema(client, schema) : toCreateView(client, schema)
      await define(client, statement, remedy)
    }
    // A view reads with the rights of its owner: whether he has them shows only here.
    for (const wish of wishes)
      await client.query(`select from ${qualified(schema, wish.name)} limit 0`)
  } catch (thrown) {
    if (codeOf(thrown) === DEPENDENT)
      Object.assign(thrown as Error, {
        hint: 'Columns have changed. Drop what depends on the views, run this again, and make it anew; nothing was changed.',
      })
    throw thrown
  }
}

function script(statements: readonly string[]): string {
  return [
    '-- For psql -v ON_ERROR_STOP=1; the role that runs it owns the views, and must be able to read the tables.',
    'begin',
    ...SETTINGS.split('; '),
    ...statements,
    'commit',
  ]
    .map((line) => (line.startsWith('--') ? line : `${line};`))
    .join('\n')
}
