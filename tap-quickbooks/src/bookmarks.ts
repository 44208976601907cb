import { ConfigError, type State, showValue } from '@singer-io-ts/core'
import { formatInstant, parseInstant } from './instant.ts'
import type { Place } from './pages.ts'
import { type Progress, tidyProgress } from './progress.ts'
import { REPLICATION_KEY } from './streams.ts'
import type { Range } from './windows.ts'

/** What the state says of one stream. */
export type Bookmark = {
  progress: Progress
  /** Places inside seconds that are only partly read. */
  places: readonly Place[]
  /**
   * QuickBooks' time in the run that got to the bookmark: younger changes were not settled then.
   * Undefined when it is not known.
   */
  readAsOf: number | undefined
  /** Deletions up to here have been emitted; undefined when they were never asked for. */
  deletionsKnownTo: number | undefined
  /** Deletions from here on may have been missed; only a reload finds them. */
  deletionsMissedSince: number | undefined
  /** Stretches with rows that QuickBooks could not give out; they are open still. */
  unreadable: readonly Range[]
  /** Change data capture had more than it can show at once, or refused: ask for this stream alone. */
  asksAlone: boolean
  /** The version of the rows; set by a reload. */
  version: number | undefined
  /** A reload under `version` is under way. */
  isReloading: boolean
  /** Where the first run began; undefined in the state of another tap. */
  since: number | undefined
  /** Rows emitted over all runs. */
  rows: number
  /** Metered calls over all runs; calls for several streams at once belong to none. */
  calls: number
  lastWindow: Range | undefined
  /** Members of others, kept as they are. */
  others: Record<string, unknown>
}

/** The bookmark of a stream in a state; undefined when there is none. */
export function readBookmark(state: State, stream: string): Bookmark | undefined {
  const entry = state.bookmarks?.[stream]
  if (entry === undefined || entry === null) return undefined
  const faults: string[] = []
  const instant = (value: unknown, name: string): number | undefined => {
    if (value === undefined || value === null) return undefined
    const parsed = typeof value === 'string' ? parseInstant(value) : undefined
    if (parsed === undefined)
      faults.push(`--state: bookmarks.${stream}.${name} is not a time: ${showValue(value)}`)
    return parsed === undefined ? undefined : Math.floor(parsed)
  }
  const count = (value: unknown, name: string): number => {
    if (value === undefined || value === null) return 0
    if (Number.isSafeInteger(value) && Number(value) >= 0) return Number(value)
    faults.push(`--state: bookmarks.${stream}.${name} is no whole number: ${showValue(value)}`)
    return 0
  }
  const range = (value: unknown, name: string): Range => {
    const [start, end] = Array.isArray(value) ? value : []
    return { start: instant(start ?? '', name) ?? 0, end: instant(end ?? '', name) ?? 0 }
  }
  if (typeof entry !== 'object' || Array.isArray(entry))
    throw new ConfigError([`--state: bookmarks.${stream} is not an object`])
  const {
    replication_key: _key,
    replication_key_value,
    completed_ranges,
    open_seconds,
    unreadable_ranges,
    read_as_of,
    deletions_known_to,
    deletions_missed_since,
    deletions_asked_alone,
    version,
    reloading,
    since,
    rows,
    calls,
    last_window,
    ...others
  } = entry as Record<string, unknown>
  const lowWater = instant(replication_key_value, 'replication_key_value')
  const bookmark = {
    ranges: list(completed_ranges).map((value) => range(value, 'completed_ranges')),
    unreadable: list(unreadable_ranges).map((value) => range(value, 'unreadable_ranges')),
    places: list(open_seconds).map((value): Place => {
      const place = (value ?? {}) as Record<string, unknown>
      return {
        second: instant(place.second, 'open_seconds') ?? 0,
        startPosition: count(place.start_position, 'open_seconds') || 1,
        knownIds: list(place.known_ids).filter((id) => typeof id === 'string'),
        isShort: place.short === true,
      }
    }),
    readAsOf: instant(read_as_of, 'read_as_of'),
    deletionsKnownTo: instant(deletions_known_to, 'deletions_known_to'),
    deletionsMissedSince: instant(deletions_missed_since, 'deletions_missed_since'),
    since: instant(since, 'since'),
    lastWindow:
      (last_window ?? undefined) === undefined ? undefined : range(last_window, 'last_window'),
    version: count(version, 'version') || undefined,
    rows: count(rows, 'rows'),
    calls: count(calls, 'calls'),
  }
  if (faults.length > 0) throw new ConfigError(faults)
  if (lowWater === undefined) return undefined
  const { ranges, unreadable, ...rest } = bookmark
  const progress = tidyProgress({
    lowWater,
    ranges: ranges.filter((done) => done.end > done.start),
  })
  return {
    ...rest,
    progress,
    unreadable: unreadable.filter((one) => one.end > one.start),
    asksAlone: deletions_asked_alone === true,
    // Without its version a reload could never end.
    isReloading: reloading === true && rest.version !== undefined,
    others,
  }
}

/** The bookmark of a stream that is read for the first time. */
export function firstBookmark(startDate: number, deletionsKnownTo: number | undefined): Bookmark {
  return {
    progress: { lowWater: startDate, ranges: [] },
    places: [],
    unreadable: [],
    readAsOf: undefined,
    deletionsKnownTo,
    deletionsMissedSince: undefined,
    asksAlone: false,
    version: undefined,
    isReloading: false,
    since: startDate,
    rows: 0,
    calls: 0,
    lastWindow: undefined,
    others: {},
  }
}

/** The bookmark as it stands in the state. A person can read from it what is done. */
export function formatBookmark(bookmark: Bookmark): Record<string, unknown> {
  const { progress, places, readAsOf, deletionsKnownTo, version, lastWindow } = bookmark
  const range = ({ start, end }: Range): string[] => [formatInstant(start), formatInstant(end)]
  return {
    ...bookmark.others,
    replication_key: REPLICATION_KEY,
    replication_key_value: formatInstant(progress.lowWater),
    ...(progress.ranges.length > 0 && { completed_ranges: progress.ranges.map(range) }),
    ...(places.length > 0 && {
      open_seconds: places.map((place) => ({
        second: formatInstant(place.second),
        start_position: place.startPosition,
        known_ids: place.knownIds,
        ...(place.isShort && { short: true }),
      })),
    }),
    ...(bookmark.unreadable.length > 0 && { unreadable_ranges: bookmark.unreadable.map(range) }),
    ...(readAsOf !== undefined && { read_as_of: formatInstant(readAsOf) }),
    ...(deletionsKnownTo !== undefined && { deletions_known_to: formatInstant(deletionsKnownTo) }),
    ...(bookmark.deletionsMissedSince !== undefined && {
      deletions_missed_since: formatInstant(bookmark.deletionsMissedSince),
    }),
    ...(bookmark.asksAlone && { deletions_asked_alone: true }),
    ...(version !== undefined && { version }),
    ...(bookmark.isReloading && { reloading: true }),
    ...(bookmark.since !== undefined && { since: formatInstant(bookmark.since) }),
    rows: bookmark.rows,
    calls: bookmark.calls,
    ...(lastWindow !== undefined && { last_window: range(lastWindow) }),
  }
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}
