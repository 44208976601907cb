import { formatCount } from '@singer-io-ts/core'
import type { Compared } from './comparison.ts'
import type { Settings } from './config.ts'
import type { Begin } from './countlines.ts'
import type { Instant } from './instant.ts'
import { qualified } from './sql.ts'

/** `2024-03-01T00:00:00Z` */
export function shortInstant(instant: Instant | '-infinity'): string {
  return instant.replace('.000000Z', 'Z')
}

/** Whether the state says nothing of the stream, so that nothing of it can be missing. */
export function isUnknown({ claim }: Compared): boolean {
  return claim.loaded.length === 0
}

/** What a person should know of a stream besides its numbers, a sentence each. */
export function notesOf(one: Compared, begin: Begin, settings: Settings): string[] {
  const { claim, counted, table, windows } = one
  const notes = counted.holes.map(
    ({ from, to }) =>
      `a row that changed last between ${shortInstant(from)} and ${shortInstant(to)} ` +
      'could not be listed, for QuickBooks does not give it out',
  )
  const unreadable = windows.flatMap(({ unreadable_ids }) => unreadable_ids)
  if (unreadable.length > 0)
    notes.push(
      `Id ${unreadable.join(', ')} is pending, for QuickBooks could not give it out to the last ` +
        'load; open and save it there, and load again',
    )
  const undecided = windows.reduce((sum, window) => sum + window.undecided, 0)
  if (undecided > 0)
    notes.push(
      `of the pending rows ${formatCount(undecided)} cannot be judged, for a load ran after the ` +
        'count; count again',
    )
  const garbled = windows.flatMap(({ garbled_ids }) => garbled_ids)
  if (garbled.length > 0)
    notes.push(
      `Id ${garbled.join(', ')} has no time of change or no total that can be read in ${table}`,
    )
  const mismarked = windows.flatMap(({ mismarked_ids }) => mismarked_ids)
  if (mismarked.length > 0 && table !== undefined)
    notes.push(
      `Id ${mismarked.join(', ')} is marked deleted in the future, which no load takes back: ` +
        `update ${nameOf(table, settings)} set deleted_at_utc = null where id in (${listed(mismarked)})`,
    )
  if (isUnknown(one))
    notes.push(
      `the STATE that is kept under state_id '${settings.stateId}' does not know it, so that ` +
        'nothing of it can be called missing: give the state_id that it was loaded with, or count ' +
        'by the catalog of the load',
    )
  const since = claim.loaded[0]?.from ?? '-infinity'
  if (since !== '-infinity' && since > begin.start)
    notes.push(
      `the state began at ${shortInstant(since)}; what changed before that is pending, and no ` +
        'load with this state will bring it',
    )
  const marking = toMark(one, settings)
  if (marking !== undefined) notes.push(marking)
  return notes.map((note) => `${counted.stream}: ${note}`)
}

/** What to do about rows that QuickBooks does not have any more; undefined where there are none. */
function toMark(
  { counted, claim, table, windows }: Compared,
  settings: Settings,
): string | undefined {
  const ids = windows.flatMap(({ extra_ids }) => extra_ids)
  if (ids.length === 0 || table === undefined) return undefined
  const { deletionsFrom } = counted
  const { deletionsKnownTo, deletionsMissedSince } = claim
  const isGap =
    deletionsFrom !== undefined &&
    (deletionsMissedSince !== undefined || (deletionsKnownTo ?? '') < deletionsFrom)
  if (isGap)
    return (
      `deletions were missed, for the last run was too long ago; run the load once ` +
      'with on_delete_gap reload and without end_date'
    )
  return (
    `no load will mark what is extra, for QuickBooks tells its deletion no more. Look ` +
    'for it in QuickBooks, and if it is gone there, mark it by SQL: ' +
    `update ${nameOf(table, settings)} set deleted_at_utc = now() where id in (${listed(ids)})`
  )
}

function nameOf(table: string, { schema }: Settings): string {
  return qualified(schema, table.slice(schema.length + 1))
}

function listed(ids: readonly string[]): string {
  return ids.map((id) => `'${id.replaceAll("'", "''")}'`).join(', ')
}
