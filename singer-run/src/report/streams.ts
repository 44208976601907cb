import { parseTime, type Range } from './time.ts'

/** How far a stream is, as the state says it. Instants are epoch milliseconds. */
export type Stream = {
  name: string
  /** Where its first run began; undefined where the tap does not say. */
  start: number | undefined
  /** Everything before is done; undefined where the bookmark is no time. */
  doneTo: number | undefined
  /** Done beyond that. */
  ranges: Range[]
  unreadable: Range[]
  rows: number | undefined
  calls: number | undefined
  lastWindow: Range | undefined
  deletionsMissedSince: number | undefined
  isReloading: boolean
}

/** The streams of a state, of whatever tap. */
export function readStreams(state: unknown): Stream[] {
  const bookmarks = memberOf(state, 'bookmarks')
  if (typeof bookmarks !== 'object' || bookmarks === null) return []
  return Object.entries(bookmarks).map(([name, entry]) => ({
    name,
    start: parseTime(memberOf(entry, 'since')),
    doneTo: parseTime(memberOf(entry, 'replication_key_value')),
    ranges: rangesOf(memberOf(entry, 'completed_ranges')),
    unreadable: rangesOf(memberOf(entry, 'unreadable_ranges')),
    rows: countOf(memberOf(entry, 'rows')),
    calls: countOf(memberOf(entry, 'calls')),
    lastWindow: rangesOf([memberOf(entry, 'last_window')])[0],
    deletionsMissedSince: parseTime(memberOf(entry, 'deletions_missed_since')),
    isReloading: memberOf(entry, 'reloading') === true,
  }))
}

/** The furthest instant that a stream has anything of. */
export function reachOf({ doneTo, ranges }: Stream): number | undefined {
  const ends = [...(doneTo === undefined ? [] : [doneTo]), ...ranges.map(({ end }) => end)]
  return ends.length === 0 ? undefined : Math.max(...ends)
}

/** How much of the range is done, in milliseconds. */
export function doneWithin(stream: Stream, from: number, { start, end }: Range): number {
  const overlap = (range: Range): number =>
    Math.max(0, Math.min(range.end, end) - Math.max(range.start, start))
  const done = overlap({ start: from, end: stream.doneTo ?? from })
  return stream.ranges.reduce((total, range) => total + overlap(range), done)
}

function rangesOf(value: unknown): Range[] {
  if (!Array.isArray(value)) return []
  return value.flatMap((range) => {
    const [start, end] = Array.isArray(range) ? range.map(parseTime) : []
    return start === undefined || end === undefined || end <= start ? [] : [{ start, end }]
  })
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined
}
