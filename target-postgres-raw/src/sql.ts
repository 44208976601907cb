import pg from 'pg'

/** The SQL of this target. Values go in as parameters or by COPY, names by `name`. */

/** A name as an SQL identifier, whatever characters it has. */
export function name(text: string): string {
  return pg.escapeIdentifier(text)
}

/** A table of the schema. */
export function qualified(schema: string, table: string): string {
  return `${name(schema)}.${name(table)}`
}

/** The columns of a raw table in order, with what else a table that stood before may have there. */
export const COLUMNS: readonly { name: string; type: string; rule?: string; fits: string[] }[] = [
  { name: 'id', type: 'text', rule: 'primary key', fits: ['text'] },
  { name: 'payload', type: 'jsonb', rule: 'not null', fits: ['jsonb', 'json'] },
  {
    name: 'ingested_at_utc',
    type: 'timestamptz',
    rule: 'not null',
    fits: ['timestamptz', 'timestamp'],
  },
  { name: 'extract_window_start_utc', type: 'timestamptz', fits: ['timestamptz', 'timestamp'] },
  { name: 'extract_window_end_utc', type: 'timestamptz', fits: ['timestamptz', 'timestamp'] },
  { name: 'page_number', type: 'integer', fits: ['int4', 'int8', 'numeric'] },
  { name: 'page_size', type: 'integer', fits: ['int4', 'int8', 'numeric'] },
  { name: 'request_payload', type: 'jsonb', fits: ['jsonb', 'json', 'text'] },
  { name: 'extracted_at_utc', type: 'timestamptz', fits: ['timestamptz'] },
  { name: 'deleted_at_utc', type: 'timestamptz', fits: ['timestamptz'] },
  { name: 'version', type: 'bigint', fits: ['int8', 'numeric'] },
  { name: 'payload_source', type: 'text', fits: ['text'] },
]

export function createTable(table: string, payloadType: 'json' | 'jsonb'): string {
  const columns = COLUMNS.map((column) => {
    const type = column.name === 'payload' ? payloadType : column.type
    return `${column.name} ${type}${column.rule === undefined ? '' : ` ${column.rule}`}`
  })
  return `create table ${table} (${columns.join(', ')})`
}

/** For a table that stood before: what it lacks is added, and may be empty in the old rows. */
export function addColumns(table: string, columns: readonly string[]): string {
  const added = COLUMNS.filter((column) => columns.includes(column.name)).map((column) =>
    column.name === 'ingested_at_utc'
      ? `add column if not exists ${column.name} ${column.type} not null default now()`
      : `add column if not exists ${column.name} ${column.type}`,
  )
  return `alter table ${table} ${added.join(', ')}`
}

export function dropNotNull(table: string, columns: readonly string[]): string {
  return `alter table ${table} ${columns.map((column) => `alter column ${name(column)} drop not null`).join(', ')}`
}

/**
 * In every transaction: UTC, no names but the qualified ones, and a bounded wait for locks. Not in
 * the session, for a pooler gives the next transaction another one, and this one to other programs.
 */
export const SETTINGS: string = `
  set local timezone to 'UTC';
  set local search_path to pg_catalog;
  set local client_min_messages to warning;
  set local lock_timeout to '30s';
  set local idle_in_transaction_session_timeout to '60s'`

/** With the commit on disk before it is answered, since the STATE that follows vouches for it. */
export const BEGIN_LOAD: string = `
  begin isolation level read committed;${SETTINGS};
  select set_config('synchronous_commit', 'on', true)
   where current_setting('synchronous_commit') = 'off'`

/**
 * Whether values may be compressed by lz4, for invoices in half of the time that pglz takes:
 * the server has it, and nobody has chosen another way.
 */
export const MAY_LZ4 = `
select exists (select from pg_settings where name = 'default_toast_compression'
  and source = 'default' and 'lz4' = any (enumvals)) as may_lz4`

export const USE_LZ4 = "set local default_toast_compression to 'lz4'"

/** One view of all tables, which a standby can give too. */
export const BEGIN_QUESTION: string = `begin isolation level repeatable read, read only;${SETTINGS}`

export const STAGING_NAME: string = 'singer_staging'
export const STAGING: string = `pg_temp.${STAGING_NAME}`

/**
 * The one staging table, for all streams. Uncompressed, since it is read once; a row's payload
 * is in the column of its table's type, so that COPY refuses what that type cannot hold.
 */
export const CREATE_STAGING: string = `
  create temporary table ${STAGING_NAME} (
    place bigint, id text, payload jsonb, payload_json json,
    extract_window_start_utc timestamptz, extract_window_end_utc timestamptz,
    page_number integer, page_size integer, request_payload jsonb,
    extracted_at_utc timestamptz, deleted_at_utc timestamptz, version bigint, payload_source text
  ) on commit delete rows;
  alter table pg_temp.singer_staging alter column payload set storage external,
    alter column payload_json set storage external, set (toast_tuple_target = 8160)`

export const IS_STAGING_THERE: string = `select to_regclass('${STAGING}') is not null as is_there`

/** Waits until nobody else has these names, and has them until the transaction ends. */
export function lockNames(names: readonly string[]): string {
  return `
select pg_advisory_xact_lock(hashtextextended(name, 0)) from unnest(${textArray(names)}) as name`
}

/** An array of texts as one literal: a literal for each takes Postgres twice as long. */
export function textArray(texts: readonly string[]): string {
  const quoted = texts.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`)
  return `${pg.escapeLiteral(`{${quoted.join(',')}}`)}::text[]`
}

/** Strictly earlier than what is stored; unknown on either side is not. */
const OLDER = 's.extracted_at_utc < t.extracted_at_utc'

/** A mark that is older than the row, or than the mark that the row has. */
const OLDER_MARK = `(${OLDER} or s.deleted_at_utc < t.deleted_at_utc)`

const INSERT_COLUMNS = COLUMNS.map((column) => column.name).join(', ')

/**
 * Inserts the staged rows. Of those that are there already it takes only the ones that will be
 * updated, by `changes`: ON CONFLICT locks every row that it meets, and that is a write to disk.
 * Without `changes` it takes all, which is as good where this transaction has just written them.
 */
function insertStaged(
  table: string,
  payload: string,
  deletedAt: string,
  rows: string,
  changes: string | undefined,
): string {
  const fewer = `and not exists (select from ${table} t where t.id = s.id and not (${changes}))`
  return `
  insert into ${table} as t (${INSERT_COLUMNS})
  select s.id, s.${payload}, now(), s.extract_window_start_utc, s.extract_window_end_utc,
         s.page_number, s.page_size, s.request_payload, s.extracted_at_utc, ${deletedAt},
         s.version, s.payload_source
    from ${STAGING} s
   where ${ROUND} and ${rows} ${changes === undefined ? '' : fewer}
   order by s.id collate "C"`
}

/** The rows of one table, each id once. */
const ROUND = 's.place = $1'
const LIVE = 's.deleted_at_utc is null'
const MARKED = 's.deleted_at_utc is not null'

/** The name of the staging column for a table whose payload has that type. */
export function stagedPayload(payloadType: 'json' | 'jsonb'): string {
  return payloadType === 'jsonb' ? 'payload' : 'payload_json'
}

/** Whether a record, not an older one, has another payload than the row `t`. */
function changes(staged: string, column: string): string {
  return `((${staged}.extracted_at_utc < t.extracted_at_utc) is not true
     and (row(t.payload)::record *<> row(${staged}.${column})::record
          or (t.payload_source is null) <> (${staged}.payload_source is null)))`
}

/**
 * Records of one table. An older version changes nothing, nor does the same payload: compared by
 * its binary image, for jsonb says that 1.10 equals 1.1. A mark newer than the record stays. What
 * was there already is seen as it was before, so that it tells the updated from the inserted.
 */
export function upsert(table: string, payloadType: 'json' | 'jsonb', isFirst: boolean): string {
  const payload = stagedPayload(payloadType)
  return `
with written as (${insertStaged(table, payload, 'null', LIVE, isFirst ? changes('s', payload) : undefined)}
  on conflict (id) do update set
    payload = excluded.payload,
    ingested_at_utc = excluded.ingested_at_utc,
    extract_window_start_utc = excluded.extract_window_start_utc,
    extract_window_end_utc = excluded.extract_window_end_utc,
    page_number = excluded.page_number,
    page_size = excluded.page_size,
    request_payload = excluded.request_payload,
    extracted_at_utc = excluded.extracted_at_utc,
    deleted_at_utc = case when excluded.extracted_at_utc < t.deleted_at_utc then t.deleted_at_utc end,
    version = coalesce(excluded.version, t.version),
    payload_source = excluded.payload_source
  where ${changes('excluded', 'payload')}
  returning t.id),
known as (select count(*)::int as updated from written w join ${table} t on t.id = w.id)
select (select count(*)::int from written) - updated as inserted, updated from known`
}

/** What an unchanged row may still have to note: the version it was sent in, or that it is back. */
const NEW_VERSION = `(s.version is not null and (t.version is null
    or case when (${OLDER}) is true then s.version > t.version else s.version <> t.version end))`
const BACK_AGAIN = `((${OLDER}) is not true and t.deleted_at_utc is not null
    and (s.extracted_at_utc < t.deleted_at_utc) is not true)`

/**
 * How the records of one table stand to what it holds. A reload finds here that there is nothing
 * to do, and asks no more of the server.
 */
export function compare(table: string, payloadType: 'json' | 'jsonb'): string {
  // With an offset, so that the payloads are compared but once.
  return `
select count(*) filter (where not known or changed)::int as changed,
       count(*) filter (where older)::int as older,
       count(*) filter (where known and not changed and noted)::int as noted
  from (select t.id is not null as known, ${changes('s', stagedPayload(payloadType))} as changed,
          ${OLDER} as older, ${NEW_VERSION} or ${BACK_AGAIN} as noted
     from ${STAGING} s left join ${table} t on t.id = s.id
    where ${ROUND} and ${LIVE} offset 0) standing`
}

/**
 * Notes a version or a return where the upsert left the row alone. Gives the number of older
 * records.
 */
export function noteRest(table: string): string {
  return `
with noted as (
  update ${table} t set
    version = case when ${NEW_VERSION} then s.version else t.version end,
    deleted_at_utc = case when ${BACK_AGAIN} then null else t.deleted_at_utc end
  from ${STAGING} s
  where ${ROUND} and ${LIVE} and t.id = s.id and (${NEW_VERSION} or ${BACK_AGAIN}))
select count(*) filter (where ${OLDER})::int as older,
       count(*) filter (where t.id is null)::int as kept_out
  from ${STAGING} s left join ${table} t on t.id = s.id
 where ${ROUND} and ${LIVE}`
}

/**
 * Deletion marks of one table: a known row keeps its payload, an unknown one comes in marked. A
 * mark that is older than the row, or than the mark it has, changes nothing.
 */
export function mark(table: string, payloadType: 'json' | 'jsonb'): string {
  const payload = stagedPayload(payloadType)
  const changes = (staged: string) =>
    `(${staged}.extracted_at_utc < t.extracted_at_utc) is not true
     and (${staged}.deleted_at_utc < t.deleted_at_utc) is not true
     and (t.deleted_at_utc is distinct from ${staged}.deleted_at_utc
          or t.version is distinct from coalesce(${staged}.version, t.version))`
  return `
with written as (${insertStaged(table, payload, 's.deleted_at_utc', MARKED, changes('s'))}
  on conflict (id) do update set
    deleted_at_utc = excluded.deleted_at_utc,
    version = coalesce(excluded.version, t.version)
  where ${changes('excluded')}
  returning 1)
select count(*)::int as deleted from written`
}

export function hardDelete(table: string): string {
  return `
with gone as (
  delete from ${table} t using ${STAGING} s
   where ${ROUND} and ${MARKED} and t.id = s.id and (${OLDER}) is not true returning 1)
select count(*)::int as deleted from gone`
}

/**
 * How many deletion marks are older than the row that they are for, or than its mark; and how many
 * should have had an effect, and have none.
 */
export function restOfMarks(table: string, isHard: boolean): string {
  const keptOut = isHard
    ? `t.id is not null and (${OLDER}) is not true`
    : `(${OLDER_MARK} or t.deleted_at_utc is not null) is not true`
  return `
select count(*) filter (where ${OLDER_MARK})::int as older,
       count(*) filter (where ${keptOut})::int as kept_out
  from ${STAGING} s left join ${table} t on t.id = s.id
 where ${ROUND} and ${MARKED}`
}

/**
 * ACTIVATE_VERSION: $1 the version, $2 the instant of the mark. It does nothing where no row has
 * that version, since then it says nothing about what is stored. Where the run has seen no instant
 * yet, that of the row serves: a record that comes later must not be older than the mark.
 */
export function activate(table: string, isHard: boolean): string {
  const rows = `(t.version is null or t.version < $1)
    and exists (select from ${table} v where v.version = $1)`
  return isHard
    ? `delete from ${table} t where ${rows}`
    : `update ${table} t set deleted_at_utc = coalesce($2::timestamptz, t.extracted_at_utc, now())
  where t.deleted_at_utc is null and ${rows}`
}
