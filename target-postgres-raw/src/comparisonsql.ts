import { SETTINGS } from './sql.ts'

/** The SQL that compares a count of QuickBooks with a table. */

/** One view of all tables, and a table of its own for what came in. */
export const BEGIN_COMPARISON: string = `begin isolation level repeatable read;${SETTINGS}`

const COUNTED = 'pg_temp.singer_count'

export const CREATE_COUNTED: string = `
  create temporary table singer_count (
    stream_no integer not null, kind "char" not null, id text not null,
    at timestamptz not null, total numeric) on commit drop`

export const COPY_COUNTED: string = `copy ${COUNTED} from stdin`

/** So that the planner knows how much came. */
export const ANALYZE_COUNTED: string = `analyze ${COUNTED}`

/**
 * The rows of a table, or none: when each changed last in QuickBooks, its TotalAmt where it is a
 * number, and whether the table holds it live. $2 stands in where a row does not say when.
 */
function heldRows(table: string | undefined): string {
  const from = table ?? 'unnest(array[]::text[])'
  const none = 'null::timestamptz'
  const columns =
    table === undefined
      ? `null::text as id, null::text as changed, null::text as amount, ${none} as window_start,
         ${none} as deleted_at, ${none} as extracted_at`
      : `id, payload #>> '{MetaData,LastUpdatedTime}' as changed,
         payload #>> '{TotalAmt}' as amount, extract_window_start_utc::timestamptz as window_start,
         deleted_at_utc as deleted_at, extracted_at_utc as extracted_at`
  return `
  select id, deleted_at, extracted_at, deleted_at is null as is_live,
         coalesce(case when changed ~ '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?(Z|[+-]\\d\\d:\\d\\d)$'
                       then changed::timestamptz end, window_start, $2::timestamptz) as at,
         case when amount ~ '^-?\\d+(\\.\\d+)?([eE][+-]?\\d+)?$' then amount::numeric end as total
    from (select ${columns} from ${from}) raw`
}

/** Whether an instant lies in one of the stretches that two parameters hold. */
function within(at: string, from: number): string {
  return `exists (select from unnest($${from}::timestamptz[], $${from + 1}::timestamptz[]) one(a, b)
           where ${at} >= one.a and ${at} < one.b)`
}

const CELL = 'floor(extract(epoch from at - $2::timestamptz) / $5::bigint)::int'

/**
 * What became of each row, by window: $1 number of the stream, $2 and $3 the range, $4 when the
 * count began, $5 seconds of a window, then stretches as pairs of arrays: $6 loaded, $8 unreadable
 * for the load, $10 unreadable for the count; $12 deletions are loaded up to here, $13 whether rows that are
 * deleted leave the table and some may have gone since the count began.
 *
 * A row that both sides have lies in QuickBooks' window. What has changed or gone after that of
 * which the state says that it is loaded, or after the count began, is pending.
 */
export function compareRows(table: string | undefined): string {
  return `
with source as (
  select distinct on (id) id, at, total from ${COUNTED}
   where stream_no = $1 and kind = 'r' order by id, at desc),
gone as (
  select id, max(at) as at from ${COUNTED} where stream_no = $1 and kind = 'd' group by id),
held as (${heldRows(table)}),
pairs as (
  select coalesce(s.id, t.id) as id, s.at as source_at, s.total as source_total,
         t.at as table_at, t.total as table_total, t.is_live is true as is_live,
         t.deleted_at, t.extracted_at,
         (s.at >= $2 and s.at < $3) is true as is_counted,
         (t.at >= $2 and t.at < $3) is true as is_within
    from source s full join held t on t.id = s.id),
told as (
  select p.*, case when is_counted then source_at else table_at end as at,
    case
      when source_at is null then case
        when not is_live then 'deleted'
        when extracted_at >= $4 or ${within('table_at', 10)} or g.at >= $12 then 'pending'
        else 'extra' end
      when not is_counted then case when is_live then 'pending' else 'deleted' end
      when not is_live then case
        when deleted_at >= $4 or deleted_at is null and $13::boolean then 'pending'
        when ${within('source_at', 8)} then 'unreadable'
        when ${within('source_at', 6)} then 'missing'
        else 'pending' end
      when table_at > source_at then 'pending'
      when table_at = source_at and coalesce(source_total = table_total, true) then 'equal'
      when ${within('source_at', 8)} then 'unreadable'
      when ${within('source_at', 6)} then 'stale'
      else 'pending' end as status
    from pairs p left join gone g on g.id = p.id
   where is_counted or is_within),
numbered as (
  select *, ${CELL} as cell,
         row_number() over (partition by ${CELL}, status order by length(id), id) as number
    from told)
select cell,
       count(*) filter (where is_counted)::int as source_rows,
       count(*) filter (where is_live)::int as table_rows,
       count(*) filter (where status = 'missing')::int as missing,
       count(*) filter (where status = 'extra')::int as extra,
       count(*) filter (where status = 'deleted')::int as deleted,
       count(*) filter (where status = 'stale')::int as stale,
       count(*) filter (where status in ('pending', 'unreadable'))::int as pending,
       (sum(source_total) filter (where status in ('equal', 'stale', 'missing')))::text as source_total,
       (sum(table_total) filter (where status in ('equal', 'stale', 'extra')))::text as table_total,
       ${['missing', 'extra', 'stale', 'unreadable'].map(firstIds).join(',\n       ')}
  from numbered group by cell order by cell`
}

/** So many ids are named. */
export const MOST_IDS = 20

function firstIds(status: string): string {
  return `coalesce(array_agg(id order by number) filter (where status = '${status}' and number <= ${MOST_IDS}),
         array[]::text[]) as ${status}_ids`
}

/**
 * The rows of a table by window, for a comparison of counts: $1 is not used, $2 to $5 as above.
 * `stood` are the rows that were live when the count began, `later` those that came after that.
 */
export function countHeld(table: string | undefined): string {
  return `
with held as (${heldRows(table)})
select case when at < $3::timestamptz then ${CELL} end as cell,
       count(*) filter (where is_live)::int as table_rows,
       count(*) filter (where is_live or deleted_at >= $4)::int as stood,
       count(*) filter (where deleted_at is not null)::int as deleted,
       count(*) filter (where is_live and at >= $4)::int as later
  from held where at >= $2::timestamptz and $1::int is not null
 group by 1 order by 1`
}
