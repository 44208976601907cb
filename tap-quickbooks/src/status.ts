import { alignColumns, EXIT, formatCount, type Life } from '@singer-io-ts/core'
import { type Bookmark, readBookmark } from './bookmarks.ts'
import { formatInstant } from './instant.ts'
import { readStateFile, realmOf } from './statefile.ts'
import type { Range } from './windows.ts'

/** `tap-quickbooks status`: what a state says, for a person. Needs no settings and no call. */
export async function status(path: string, { out }: Life): Promise<number> {
  const state = readStateFile(path)
  const names = Object.keys(state.bookmarks ?? {})
  const bookmarks = names.flatMap((name): [string, Bookmark][] => {
    const bookmark = readBookmark(state, name)
    return bookmark === undefined ? [] : [[name, bookmark]]
  })
  await out.write(`company ${realmOf(state) ?? 'not named'}, state ${path}\n`)
  if (bookmarks.length === 0) {
    await out.write('No stream has been read: the next run begins at start_date.')
    return EXIT.done
  }
  for (const line of alignColumns([
    ['stream', 'complete up to', 'rows', 'calls', 'last window with rows'],
    ...bookmarks.map(([name, { progress, rows, calls, lastWindow }]) => [
      name,
      formatInstant(progress.lowWater),
      formatCount(rows),
      formatCount(calls),
      lastWindow === undefined ? '-' : formatRange(lastWindow),
    ]),
  ]))
    await out.write(line)

  const notes = bookmarks.flatMap(([name, bookmark]) =>
    notesOf(bookmark).map((note) => `${name}: ${note}`),
  )
  const syncing = state.currently_syncing
  if (typeof syncing === 'string') notes.push(`${syncing}: is not finished, the next run reads on`)
  if (notes.length > 0) await out.write(`\n${notes.join('\n')}`)
  await out.write(
    `\nTo go on (with --catalog, if there was one):\n  npx tap-quickbooks --config quickbooks.json --state ${quote(path)} | …\n` +
      'or, keeping the state in the same file:\n' +
      `  npx singer-run --tap "tap-quickbooks --config quickbooks.json" --target "…" --state ${quote(path)}`,
  )
  return EXIT.done
}

const MOST_SHOWN = 20

function notesOf({ progress, places, deletionsKnownTo, ...bookmark }: Bookmark): string[] {
  const { ranges, lowWater } = progress
  const notes: string[] = []
  if (ranges.length > 0) {
    const shown = ranges.slice(0, MOST_SHOWN).map(formatRange)
    if (ranges.length > shown.length) shown.push(`and ${ranges.length - shown.length} more`)
    notes.push(`beyond that, complete: ${shown.join(', ')}`)
  }
  if (ranges[0] !== undefined)
    notes.push(`next: ${formatRange({ start: lowWater, end: ranges[0].start })}`)
  for (const { second, knownIds } of places)
    notes.push(`of the second ${formatInstant(second)}, ${knownIds.length} rows or more are read`)
  for (const range of bookmark.unreadable)
    notes.push(`not read, for QuickBooks cannot give out a row: ${formatRange(range)}`)
  if (bookmark.isReloading) notes.push(`is read again in full, as version ${bookmark.version}`)
  if (bookmark.deletionsMissedSince !== undefined)
    notes.push(
      `deletions since ${formatInstant(bookmark.deletionsMissedSince)} may have been missed: ` +
        'run once with on_delete_gap reload',
    )
  if (bookmark.asksAlone)
    notes.push('its deletions are asked for by themselves, not together with other streams')
  notes.push(
    deletionsKnownTo === undefined
      ? 'deletions have not been asked for'
      : `${bookmark.deletionsMissedSince === undefined ? '' : 'later '}deletions known up to ${formatInstant(deletionsKnownTo)}`,
  )
  return notes
}

function formatRange({ start, end }: Range): string {
  return `${formatInstant(start)} to ${formatInstant(end)}`
}

/** As a shell wants it. */
function quote(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`
}
