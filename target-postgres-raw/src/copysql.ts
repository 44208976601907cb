import pg from 'pg'
import { COLUMNS, STAGING, stagedPayload, textArray } from './sql.ts'

/**
 * Whether rows may be copied straight into the table: none of their ids is there, and nothing but
 * what is usual happens to a row on its way. Gives the time of the transaction too, in UTC. With a
 * limit, for else a table that is not analyzed yet may be read whole.
 */
export function mayCopy(
  table: string,
  payloadType: 'json' | 'jsonb',
  ids: readonly string[],
): string {
  const types = COLUMNS.map(({ name, type }) => (name === 'payload' ? payloadType : type))
  const columns = COLUMNS.map((column, n) => `('${column.name}', '${types[n]}'::regtype)`)
  return `
select to_char(now(), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as now,
  c.relkind = 'r' and not (c.relhastriggers or c.relhasrules or c.relrowsecurity)
    and (select count(*) from pg_attribute a where a.attrelid = c.oid and a.attgenerated = ''
           and (a.attname, a.atttypid) in (${columns.join(', ')})) = ${COLUMNS.length}
    and not exists (select from unnest(${textArray(ids)}) as given (id),
          lateral (select from ${table} where id = given.id limit 1) found) as may_copy
  from pg_class c where c.oid = ${pg.escapeLiteral(table)}::regclass`
}

/** What a row has in COPY after its first column, which is `place` or `ingested_at_utc`. */
const SENT_COLUMNS = COLUMNS.map(({ name }) => name).filter((name) => name !== 'ingested_at_utc')

export function copyInto(table: string): string {
  return `copy ${table} (ingested_at_utc, ${SENT_COLUMNS.join(', ')}) from stdin (format binary)`
}

export function copyStaging(payloadType: 'json' | 'jsonb'): string {
  const payload = stagedPayload(payloadType)
  const columns = SENT_COLUMNS.map((name) => (name === 'payload' ? payload : name))
  return `copy ${STAGING} (place, ${columns.join(', ')}) from stdin (format binary)`
}
