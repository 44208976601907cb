import { qualified } from './sql.ts'

/** The tables beside the raw ones. */
export const CONTROL_TABLES: Record<string, string> = {
  _singer_streams:
    'stream text not null, table_name text primary key, key_properties jsonb not null',
  _singer_state: 'state_id text primary key, value text, committed_at_utc timestamptz',
  _singer_loads:
    'state_id text not null, stream text not null, table_name text not null,' +
    ' inserted bigint not null, updated bigint not null, unchanged bigint not null,' +
    ' older bigint not null, deleted bigint not null,' +
    ' extract_window_start_utc timestamptz, extract_window_end_utc timestamptz,' +
    ' value text, started_at_utc timestamptz not null, committed_at_utc timestamptz not null',
}

export function readState(schema: string): string {
  return `select value from ${qualified(schema, '_singer_state')} where state_id = $1`
}

/**
 * Keeps the state $2 of $1, where there is one, and what the transaction did to each stream: $3, a
 * list of objects by the names of the columns. Gives one of the streams.
 */
export function saveLoads(schema: string): string {
  return `
with state as (
  insert into ${qualified(schema, '_singer_state')} as t (state_id, value, committed_at_utc)
  select $1, $2::text, now() where $2 is not null
  on conflict (state_id) do update set
    value = excluded.value, committed_at_utc = excluded.committed_at_utc)
insert into ${qualified(schema, '_singer_loads')} (state_id, stream, table_name,
  inserted, updated, unchanged, older, deleted,
  extract_window_start_utc, extract_window_end_utc, value, started_at_utc, committed_at_utc)
select $1, stream, table_name, inserted, updated, unchanged, older, deleted,
       window_start, window_end, $2, now(), clock_timestamp()
  from jsonb_to_recordset($3) as load (stream text, table_name text, inserted bigint,
    updated bigint, unchanged bigint, older bigint, deleted bigint,
    window_start timestamptz, window_end timestamptz)
returning stream, started_at_utc::text as started_at`
}

/** The row of a stream that the transaction left which began at that very microsecond. */
export function findLoad(schema: string): string {
  return `select from ${qualified(schema, '_singer_loads')}
   where state_id = $1 and stream = $2 and started_at_utc = $3`
}
