import { formatState, type State, type Writer } from '@singer-io-ts/core'
import { type Bookmark, formatBookmark } from './bookmarks.ts'
import type { Bound } from './plan.ts'

/** The bookmarks of a run and the STATE that they make. */
export type Tracker = {
  bookmark(stream: string): Bookmark
  change(stream: string, change: Partial<Bookmark>): void
  /** Emits a STATE if it says something new. What it vouches for must have been written before. */
  write(): Promise<void>
}

/**
 * Tracks the streams in `bookmarks` up to the bound. All else in the given state stays as it is.
 */
export function createTracker(
  run: {
    state: State
    realmId: string
    bound: Pick<Bound, 'upper'>
    out: Writer
    /** Metered calls that this run has made for the stream. */
    callsOf: (stream: string) => number
  },
  bookmarks: Map<string, Bookmark>,
): Tracker {
  let written: string | undefined
  const callsBefore = new Map([...bookmarks].map(([name, { calls }]) => [name, calls]))
  const isFinished = (bookmark: Bookmark): boolean =>
    bookmark.progress.lowWater >= run.bound.upper && !bookmark.isReloading

  function value(): State {
    const unfinished = [...bookmarks].find(([, bookmark]) => !isFinished(bookmark))
    const formatted = [...bookmarks].map(([name, bookmark]) => {
      const calls = (callsBefore.get(name) ?? 0) + run.callsOf(name)
      return [name, formatBookmark({ ...bookmark, calls })]
    })
    return {
      ...run.state,
      bookmarks: { ...run.state.bookmarks, ...Object.fromEntries(formatted) },
      currently_syncing: unfinished?.[0] ?? null,
      realm_id: run.realmId,
    }
  }

  return {
    bookmark(stream) {
      const bookmark = bookmarks.get(stream)
      if (bookmark === undefined) throw new Error(`no bookmark of ${stream}`)
      return bookmark
    },
    change(stream, change) {
      bookmarks.set(stream, { ...this.bookmark(stream), ...change })
    },
    async write() {
      const line = formatState(value())
      if (line === written) return
      written = line
      await run.out.write(line)
    },
  }
}
