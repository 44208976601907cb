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

export function saveState(schema: string): string {
  return `
insert into ${qualified(schema, '_singer_state')} as t (state_id, value, committed_at_utc)
values ($1, $2, now())
on conflict (state_id) do update set value = excluded.value, committed_at_utc = excluded.committed_at_utc`
}

export function saveLoad(schema: string): string {
  return `
insert into ${qualified(schema, '_singer_loads')} (state_id, stream, table_name,
  inserted, updated, unchanged, older, deleted,
  extract_window_start_utc, extract_window_end_utc, value, started_at_utc, committed_at_utc)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, now(), clock_timestamp())
returning started_at_utc::text as started_at`
}

/** The row of a stream that the transaction left which began at that very microsecond. */
export function findLoad(schema: string): string {
  return `select from ${qualified(schema, '_singer_loads')}
   where state_id = $1 and stream = $2 and started_at_utc = $3`
}
