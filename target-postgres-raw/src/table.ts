import { createHash } from 'node:crypto'
import type pg from 'pg'
import { replaceInText } from './characters.ts'
import { CONTROL_TABLES } from './control.ts'
import { LoadError } from './errors.ts'
import { define, toAlterTable, toCreateSchema, toCreateTable } from './rights.ts'
import * as sql from './sql.ts'

/** The raw table of one stream. */
export type Table = {
  stream: string
  /** The name without its schema. */
  name: string
  /** Schema and name, quoted. */
  qualified: string
  /** Its rows' number in the staging table. */
  number: number
  payloadType: 'json' | 'jsonb'
  keyProperties: readonly string[]
}

const MAX_NAME_BYTES = 63

/**
 * The names that a stream's table may have, best first: prefix and the stream's name in small
 * plain letters; then with a hash, for a name that another stream has or that Postgres would cut.
 */
export function tableNames(prefix: string, stream: string): string[] {
  const base = stream.toLowerCase().replace(/[^a-z0-9_]/g, '_')
  const plain = prefix + base
  const digest = createHash('sha256').update(stream).digest('hex')
  const hashed = [8, 16].map((digits) => {
    const suffix = `_${digest.slice(0, digits)}`
    const room = MAX_NAME_BYTES - Buffer.byteLength(prefix) - suffix.length
    return prefix + base.slice(0, room) + suffix
  })
  const isPlain = Buffer.byteLength(plain) <= MAX_NAME_BYTES && !plain.startsWith('_singer_')
  return isPlain ? [plain, ...hashed] : hashed
}

/** Makes the schema and the tables beside the raw ones, where they are missing. */
export async function ensureControlTables(client: pg.Client, schema: string): Promise<void> {
  const missing = async () => {
    const { rows } = await client.query<{ relname: string | null }>(
      `select c.relname from pg_namespace n left join pg_class c
         on c.relnamespace = n.oid and c.relname = any($2) where n.nspname = $1`,
      [schema, Object.keys(CONTROL_TABLES)],
    )
    const found = rows.map((row) => row.relname)
    return {
      schema: rows.length === 0,
      tables: Object.entries(CONTROL_TABLES).filter(([table]) => !found.includes(table)),
    }
  }
  const first = await missing()
  if (!first.schema && first.tables.length === 0) return
  await lockNames(client, schema)
  const now = await missing()
  if (now.schema)
    await define(
      client,
      `create schema if not exists ${sql.name(schema)}`,
      toCreateSchema(client, schema),
    )
  for (const [table, columns] of now.tables)
    await define(
      client,
      `create table if not exists ${sql.qualified(schema, table)} (${columns})`,
      toCreateTable(client, schema),
    )
}

/** Two targets that start at once give names and make tables one after the other. */
async function lockNames(client: pg.Client, schema: string): Promise<void> {
  await client.query('select pg_advisory_xact_lock(hashtext($1), hashtext($2))', [
    'target-postgres-raw',
    schema,
  ])
}

export type TableWish = {
  schema: string
  prefix: string
  payloadType: 'json' | 'jsonb'
  stream: string
}

/** A table as it was found: what the stream's key was, and the type of its payload. */
export type FoundTable = {
  name: string
  keyProperties: string[]
  payloadType: 'json' | 'jsonb'
}

/** Finds the stream's table, or takes over or makes one of its name. */
export async function ensureTable(
  client: pg.Client,
  wish: TableWish,
  keyProperties: readonly string[],
): Promise<FoundTable> {
  let found = await findTable(client, wish)
  if (found === undefined) {
    await lockNames(client, wish.schema)
    found = await findTable(client, wish)
  }
  const entry = found ?? (await register(client, wish, keyProperties))
  return { ...entry, payloadType: await fitTable(client, wish, entry.name) }
}

/** The stream's table, if it has one already. */
async function findTable(
  client: pg.Client,
  { schema, prefix, stream }: Pick<TableWish, 'schema' | 'prefix' | 'stream'>,
): Promise<{ name: string; keyProperties: string[] } | undefined> {
  const names = tableNames(prefix, stream)
  const { rows } = await client.query<{ table_name: string; key_properties: string[] }>(
    `select table_name, key_properties from ${sql.qualified(schema, '_singer_streams')}
      where stream = $1 and table_name = any($2)`,
    [replaceInText(stream), names],
  )
  const [row] = rows.sort((a, b) => names.indexOf(a.table_name) - names.indexOf(b.table_name))
  return row && { name: row.table_name, keyProperties: row.key_properties }
}

/** The stream's table, if it has one that knows of versions: one of another shape may stand there. */
export async function findActive(
  client: pg.Client,
  wish: Pick<TableWish, 'schema' | 'prefix' | 'stream'>,
): Promise<string | undefined> {
  const found = await findTable(client, wish)
  const { rowCount } = await client.query(
    `select from pg_class c join pg_namespace n on n.oid = c.relnamespace
       join pg_attribute a on a.attrelid = c.oid and not a.attisdropped
      where n.nspname = $1 and c.relname = $2 and c.relkind in ('r', 'p')
        and a.attname in ('extracted_at_utc', 'deleted_at_utc', 'version')`,
    [wish.schema, found?.name],
  )
  return rowCount === 3 ? found?.name : undefined
}

async function register(
  client: pg.Client,
  { schema, prefix, stream }: TableWish,
  keyProperties: readonly string[],
): Promise<{ name: string; keyProperties: string[] }> {
  const table = sql.qualified(schema, '_singer_streams')
  const names = tableNames(prefix, stream)
  const { rows } = await client.query<{ table_name: string }>(
    `select table_name from ${table} where table_name = any($1)`,
    [names],
  )
  const taken = rows.map((row) => row.table_name)
  const name = names.find((candidate) => !taken.includes(candidate))
  if (name === undefined)
    throw new LoadError(`every table name for stream '${stream}' belongs to another stream`)
  await client.query(
    `insert into ${table} (stream, table_name, key_properties) values ($1, $2, $3)`,
    [replaceInText(stream), name, replaceInText(JSON.stringify(keyProperties))],
  )
  return { name, keyProperties: [...keyProperties] }
}

type FoundColumn = { name: string; type: string; not_null: boolean; has_default: boolean }

type FoundRelation = {
  kind: string
  columns: FoundColumn[] | null
  unique_id: boolean
  /** Whether its unique index or its collation takes different ids for the same. */
  loose_id: boolean
  /** Whether a crash of the server empties it. */
  unlogged: boolean
  /** Whether other tables inherit from it, whose rows its unique index does not know. */
  inherited: boolean
}

/** What stands in schema $1 under the name $2. */
const FIND_RELATION = `
select c.relkind as kind,
  (select json_agg(json_build_object('name', a.attname, 'type', t.typname,
     'not_null', a.attnotnull, 'has_default', a.atthasdef or a.attidentity <> ''))
     from pg_attribute a join pg_type t on t.oid = a.atttypid
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
  exists (select from pg_index i
    where i.indrelid = c.oid and i.indkey[0] = id.attnum and i.indisunique and i.indisvalid
      and i.indimmediate and i.indnkeyatts = 1 and i.indpred is null and i.indexprs is null) as unique_id,
  exists (select from pg_collation k
    where k.oid = any (id.attcollation || array(select i.indcollation[0] from pg_index i
       where i.indrelid = c.oid and i.indkey[0] = id.attnum and i.indisunique))
      and not k.collisdeterministic) as loose_id,
  c.relpersistence = 'u' or c.relkind = 'p' and exists (
    select from pg_partition_tree(c.oid) tree join pg_class part on part.oid = tree.relid
     where part.relpersistence = 'u') as unlogged,
  c.relkind = 'r' and exists (select from pg_inherits where inhparent = c.oid) as inherited
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  left join pg_attribute id on id.attrelid = c.oid and id.attname = 'id'
 where n.nspname = $1 and c.relname = $2`

async function fitTable(
  client: pg.Client,
  { schema, stream, payloadType }: TableWish,
  table: string,
): Promise<'json' | 'jsonb'> {
  const qualified = sql.qualified(schema, table)
  const find = async () =>
    (await client.query<FoundRelation>(FIND_RELATION, [schema, table])).rows[0]
  let relation = await find()
  if (relation === undefined) {
    await lockNames(client, schema)
    relation = await find()
  }
  if (relation === undefined) {
    const statement = sql.createTable(qualified, payloadType)
    await define(client, statement, toCreateTable(client, schema))
    return payloadType
  }
  const columns = relation.columns ?? []
  const misfits = findMisfits(relation)
  if (misfits.length > 0)
    throw new LoadError(
      `table ${schema}.${table} stands already and does not fit: ${misfits.join('; ')}`,
      {
        stream,
        table,
        hint: 'Rename that table, or set another table_prefix or default_target_schema.',
      },
    )
  const missing = sql.COLUMNS.map((column) => column.name).filter(
    (name) => !columns.some((column) => column.name === name),
  )
  if (missing.length > 0) await alter(client, sql.addColumns(qualified, missing))
  const narrow = columns.filter((column) => column.not_null && isNullable(column.name))
  if (narrow.length > 0)
    await alter(
      client,
      sql.dropNotNull(
        qualified,
        narrow.map((column) => column.name),
      ),
    )
  return columns.find((column) => column.name === 'payload')?.type === 'json' ? 'json' : 'jsonb'
}

function alter(client: pg.Client, statement: string): Promise<void> {
  return define(client, statement, toAlterTable(statement))
}

function isNullable(name: string): boolean {
  return sql.COLUMNS.some((column) => column.name === name && column.rule === undefined)
}

/** What keeps what stands under that name from being a stream's table; empty where nothing does. */
export async function askMisfits(
  client: pg.Client,
  schema: string,
  table: string,
): Promise<string[]> {
  const { rows } = await client.query<FoundRelation>(FIND_RELATION, [schema, table])
  return rows.flatMap(findMisfits)
}

/** What keeps a table that stood before from being taken over. */
export function findMisfits(relation: FoundRelation): string[] {
  if (relation.kind !== 'r' && relation.kind !== 'p') return ['it is not a table']
  const columns = relation.columns ?? []
  const misfits: string[] = []
  if (relation.unlogged)
    misfits.push('it is unlogged, so that a crash of the server would empty it')
  if (relation.inherited) misfits.push('other tables inherit from it')
  for (const wanted of sql.COLUMNS) {
    const found = columns.find((column) => column.name === wanted.name)
    if (found === undefined && (wanted.name === 'id' || wanted.name === 'payload'))
      misfits.push(`it has no column '${wanted.name}'`)
    if (found !== undefined && !wanted.fits.includes(found.type))
      misfits.push(`column '${wanted.name}' is ${found.type}, not ${wanted.fits.join(' or ')}`)
  }
  if (!relation.unique_id && columns.some((column) => column.name === 'id'))
    misfits.push("'id' has no unique index of its own")
  if (relation.loose_id) misfits.push("the collation of 'id' takes different texts for the same")
  for (const column of columns)
    if (
      column.not_null &&
      !column.has_default &&
      !sql.COLUMNS.some((wanted) => wanted.name === column.name)
    )
      misfits.push(`column '${column.name}' must not be null and nothing fills it`)
  return misfits
}
