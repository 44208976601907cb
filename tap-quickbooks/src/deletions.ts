import { capture, MOST_OBJECTS, OVERLAP_SECONDS, REACH_SECONDS } from './changes.ts'
import type { ListingParts } from './listing.ts'
import { lineOfDeletions } from './listinglines.ts'
import type { Stream } from './streams.ts'

/**
 * Lists what was deleted as far back as change data capture reaches: a call for each 1,000 objects
 * that changed since. Gives the second from which on deletions are known.
 */
export async function listDeletions(stream: Stream, parts: ListingParts): Promise<number> {
  const { plan, client, out } = parts
  const { lowerBound, inSlot } = plan
  const from = plan.bound.asOf - REACH_SECONDS
  for (let since = from; ; ) {
    const [changes] = await inSlot(() =>
      capture([stream], since - OVERLAP_SECONDS, { client, lowerBound }),
    )
    const rows = changes?.rows ?? []
    const deleted = rows.filter((row) => row.isDeleted)
    if (deleted.length > 0) await out.write(lineOfDeletions(stream.name, deleted))
    const last = rows.at(-1)
    if (rows.length < MOST_OBJECTS || last === undefined) return from
    // More in one second than an answer holds cannot be shown.
    since = Math.max(last.at, since + 1)
  }
}
