import { SETTINGS } from './sql.ts'
import { time } from './viewcolumns.ts'
import { rowsOf, type Source } from './viewsql.ts'

/** The SQL that compares a count of QuickBooks with a table. */

/** One view of all tables, and a table of its own for what came in. */
export const BEGIN_COMPARISON: string = `begin isolation level repeatable read;${SETTINGS};
  set local standard_conforming_strings to on`

const COUNTED = 'pg_temp.singer_count'

export const CREATE_COUNTED: string = `
  create temporary table singer_count (
    stream_no integer not null, kind "char" not null, id text not null,
    at timestamptz not null, total numeric) on commit drop`

export const COPY_COUNTED: string = `copy ${COUNTED} from stdin`

/** So that the planner knows how much came. */
export const ANALYZE_COUNTED: string = `analyze ${COUNTED}`

/** A table, quoted, with the type of its payload. */
export type Held = Pick<Source, 'table' | 'payloadType'>

/** The type of the payload of the table $1. */
export const PAYLOAD_TYPE: string = `
select atttypid::regtype::text as type from pg_attribute
 where attrelid = $1::regclass and attname = 'payload'`

/**
 * The rows of a table, or none: when each changed last in QuickBooks, its TotalAmt where it is a
 * number, and whether the table holds it live. $2 stands in where a row does not say when. A value
 * is cast only where it looks like one, for a single bad row must not stop the others.
 */
function heldRows(held: Held | undefined): string {
  const none = 'null::timestamptz'
  const rows =
    held === undefined
      ? `select null::text as id, ${none} as changed, null::text as amount, ${none} as window_start,
         ${none} as deleted_at, ${none} as extracted_at from unnest(array[]::text[])`
      : `select r.id, ${time('MetaData.LastUpdatedTime').from('p.payload')} as changed,
         p.payload #>> '{TotalAmt}' as amount, extract_window_start_utc::timestamptz as window_start,
         deleted_at_utc as deleted_at, extracted_at_utc as extracted_at ${rowsOf(held)}`
  return `
  select id, deleted_at, extracted_at, deleted_at is null as is_live,
         changed is not null as has_time, coalesce(changed, window_start, $2::timestamptz) as at,
         case when length(amount) <= 2000 and amount ~ '${AMOUNT}' then amount::numeric end as total
    from (${rows}) raw`
}

const AMOUNT = '^-?[0-9]+([.][0-9]+)?([eE][-+]?[0-9]{1,3})?$'

/** No honest instant of a table is later, whatever the clocks say. */
const LATEST = "greatest(now(), $4::timestamptz) + interval '30 days'"

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
 * deleted leave the table and some may have gone since the count began, $14 whether a load came
 * after the count.
 *
 * A row that both sides have lies in QuickBooks' window. What has changed or gone after that of
 * which the state says that it is loaded, or after the count began, is pending. QuickBooks lists all
 * that changed after $2, so that what it does not list is extra beyond the range, too, and then lies
 * in the last window; of what changed before $2 nothing is known, and it lies in no window.
 *
 * After a later load, a row that is not there as it was listed may have been edited once more, and
 * moved behind the end of that load: it is undecided.
 */
export function compareRows(held: Held | undefined): string {
  return `
with source as (
  select distinct on (id) id, at, total from ${COUNTED}
   where stream_no = $1 and kind = 'r' order by id, at desc),
gone as (
  select id, max(at) as at from ${COUNTED} where stream_no = $1 and kind = 'd' group by id),
held as (${heldRows(held)}),
pairs as (
  select coalesce(s.id, t.id) as id, s.at as source_at, s.total as source_total,
         t.at as table_at, t.total as table_total, t.is_live is true as is_live,
         t.deleted_at, t.extracted_at, t.has_time,
         (s.at >= $2 and s.at < $3) is true as is_counted,
         (t.at >= $2 and t.at < $3) is true as is_within,
         (t.extracted_at >= $4 and t.extracted_at < ${LATEST}
           or t.at >= $4 and ${within('t.at', 6)}) is true as is_newer,
         (t.deleted_at >= ${LATEST}) is true as is_mismarked
    from source s full join held t on t.id = s.id),
told as (
  select p.*,
    case when is_counted then source_at
      when table_at >= $2 then greatest($2, least(table_at, $3 - interval '1 microsecond')) end as at,
    case
      when source_at is null then case
        when not is_live then 'deleted'
        when table_at < $2 then 'uncompared'
        when is_newer or ${within('table_at', 10)} or g.at >= $12 then 'pending'
        else 'extra' end
      when not is_counted then case when is_live then 'pending' else 'deleted' end
      when not is_live then case
        when deleted_at >= $4 and not is_mismarked or deleted_at is null and $13::boolean then 'pending'
        when ${within('source_at', 8)} then 'unreadable'
        when not ${within('source_at', 6)} then 'pending'
        when $14::boolean and not is_mismarked then 'undecided'
        else 'missing' end
      when has_time and table_at > source_at and table_at >= $4 and is_newer then 'pending'
      when has_time and table_at = source_at
        and (source_total is null or source_total is not distinct from table_total) then 'equal'
      when ${within('source_at', 8)} then 'unreadable'
      when not ${within('source_at', 6)} then 'pending'
      when has_time and table_at < source_at and $14::boolean then 'undecided'
      else 'stale' end as status
    from pairs p left join gone g on g.id = p.id
   where is_counted or is_within
      or source_at is null and is_live and (table_at < $2 or not is_newer)),
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
       count(*) filter (where status in ('pending', 'unreadable', 'undecided'))::int as pending,
       count(*) filter (where status = 'undecided')::int as undecided,
       (sum(source_total) filter (where status in ('equal', 'stale', 'missing')))::text as source_total,
       (sum(table_total) filter (where status in ('equal', 'stale', 'extra')))::text as table_total,
       ${['missing', 'extra', 'stale', 'unreadable'].map((status) => firstIds(status)).join(',\n       ')},
       ${firstIds('missing', 'mismarked', 'is_mismarked')},
       ${firstIds('stale', 'garbled', '(not has_time or source_total is not null and table_total is null)')}
  from numbered group by cell order by cell`
}

/** So many ids are named. */
export const MOST_IDS = 20

function firstIds(status: string, as = status, which = 'true'): string {
  return `coalesce(array_agg(id order by number)
           filter (where status = '${status}' and number <= ${MOST_IDS} and ${which}),
         array[]::text[]) as ${as}_ids`
}

/**
 * The rows of a table by window, for a comparison of counts: $1 is not used, $2 to $5 as above.
 * `stood` are the rows that were live when the count began, `later` those that came after that.
 */
export function countHeld(held: Held | undefined): string {
  return `
with held as (${heldRows(held)})
select case when at < $3::timestamptz then ${CELL} end as cell,
       count(*) filter (where is_live)::int as table_rows,
       count(*) filter (where is_live or deleted_at >= $4 and deleted_at < ${LATEST})::int as stood,
       count(*) filter (where deleted_at is not null)::int as deleted,
       count(*) filter (where is_live and at >= $4)::int as later
  from held where at >= $2::timestamptz and $1::int is not null
 group by 1 order by 1`
}
