import { type Instant, parseInstant } from './instant.ts'

/** A stretch of time `[from, to)`. */
export type Stretch = { from: Instant | '-infinity'; to: Instant }

/** What a state of tap-quickbooks says of one stream. */
export type Claim = {
  /** Every change within these has been loaded. */
  loaded: Stretch[]
  /** Here lies a row that QuickBooks could not give out. */
  unreadable: Stretch[]
  /** Deletions up to here have been loaded; undefined where none were ever asked for. */
  deletionsKnownTo: Instant | undefined
  /** Deletions from here on may have been missed. */
  deletionsMissedSince: Instant | undefined
}

type Members = Record<string, unknown>

/** What the state vouches for; nothing where it does not know the stream. */
export function claimOf(state: Members, stream: string): Claim {
  const bookmark = membersOf(membersOf(state.bookmarks)[stream])
  const stretches = (value: unknown): Stretch[] =>
    (Array.isArray(value) ? value : []).flatMap((range) => {
      const [from, to] = (Array.isArray(range) ? range : []).map(parseInstant)
      return from === undefined || to === undefined ? [] : [{ from, to }]
    })
  const to = parseInstant(bookmark.replication_key_value)
  const before: Stretch[] =
    to === undefined ? [] : [{ from: parseInstant(bookmark.since) ?? '-infinity', to }]
  return {
    loaded: [...before, ...stretches(bookmark.completed_ranges)],
    unreadable: stretches(bookmark.unreadable_ranges),
    deletionsKnownTo: parseInstant(bookmark.deletions_known_to) ?? to,
    deletionsMissedSince: parseInstant(bookmark.deletions_missed_since),
  }
}

function membersOf(value: unknown): Members {
  return typeof value === 'object' && value !== null ? (value as Members) : {}
}
