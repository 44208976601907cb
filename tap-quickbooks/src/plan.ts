import type { Catalog, CatalogStream, Life, State } from '@singer-io-ts/core'
import { type Bookmark, firstBookmark, readBookmark } from './bookmarks.ts'
import { type Client, callsOf } from './client.ts'
import type { Config } from './config.ts'
import { selectStreams } from './discover.ts'
import { formatInstant } from './instant.ts'
import { createSlots } from './limiter.ts'
import { ordinaryRanges } from './progress.ts'
import type { Stream } from './streams.ts'
import { createTracker, type Tracker } from './tracker.ts'

/** Two runs may see clocks that are apart by so many seconds. */
const CLOCKS_APART = 300

export type Run = { config: Config; catalog: Catalog; state: State; client: Client }

/** A stream that has something to do. */
export type Planned = {
  stream: Stream
  entry: CatalogStream
  /** An earlier run has left a bookmark. */
  isResumed: boolean
  /** The bookmark at the start of this run. */
  before: Bookmark
  /** Members that came but are not in the schema, and how often. */
  strange: Map<string, number>
}

/** Up to when a run reads. Instants are epoch seconds. */
export type Bound = {
  /** QuickBooks' now, less the settle time: nothing before it changes any more. */
  asOf: number
  /** The end of the range of this run: asOf or end_date. */
  upper: number
}

/** What this run is to do, and what its parts share. */
export type Plan = {
  selected: readonly { stream: Stream; entry: CatalogStream }[]
  /** Those with something to do, the one that lags most first. */
  streams: readonly Planned[]
  bound: Bound
  /** Lets the bound fall when an answer shows that QuickBooks' clock is behind what it was thought. */
  lowerBound: () => void
  /** Asked first, change data capture can make queries needless. */
  deletionsFirst: boolean
  /** So few calls may be made that the streams are read one after the other. */
  isFrugal: boolean
  tracker: Tracker
  /** Runs a task when one of the `concurrency` slots is free. */
  inSlot: <T>(task: () => Promise<T>) => Promise<T>
}

/** Looks at the settings, the state and QuickBooks' clock; makes no metered call. */
export async function planRun(run: Run, life: Life): Promise<Plan> {
  const { config, state } = run
  const { log } = life
  const selected = selectStreams(run.catalog)
  if (selected.length === 0)
    log.warning(
      'no stream is selected in the catalog, so there is nothing to do: set "selected": true in ' +
        'the metadata of those that you want',
    )
  const found = selected.map((one) => ({ ...one, bookmark: readBookmark(state, one.stream.name) }))

  const asOf = Math.floor((await run.client.now()) - config.settleSeconds)
  const upper = Math.min(config.endDate ?? asOf, asOf)
  const bound = { asOf, upper }
  if (config.endDate !== undefined && config.endDate > asOf)
    log.info(`end_date is cut to ${formatInstant(asOf)}, ${config.settleSeconds} s before now`)

  const streams = found.flatMap(({ stream, entry, bookmark }): Planned[] => {
    // Known even if deletions are not asked for now: later runs may ask.
    const first = firstBookmark(config.startDate, stream.hasChanges ? asOf : undefined)
    const before = bookmark === undefined ? first : checkFuture(stream, bookmark)
    if (config.deletes && !stream.hasChanges && bookmark !== undefined)
      log.info(`${stream.name}: QuickBooks does not tell what was deleted here`)
    const from = before.progress.lowWater
    if (before.since !== undefined && config.startDate < before.since)
      log.warning(
        `${stream.name}: start_date lies before ${formatInstant(before.since)}, where the state ` +
          `began; what changed before that is not read. To read it, run once with end_date ` +
          `${formatInstant(before.since)} and a new state file (README: loading one window again).`,
      )
    if (from < upper || before.isReloading)
      return [{ stream, entry, before, isResumed: bookmark !== undefined, strange: new Map() }]
    const what = bookmark === undefined ? 'start_date' : 'the state'
    const message = `${stream.name}: nothing to do, ${what} is at ${formatInstant(from)}`
    if (from !== upper)
      log.warning(`${message}, past the end of the range at ${formatInstant(upper)}`)
    else if (bookmark === undefined || upper === asOf) log.info(message)
    else log.warning(`${message}, which is end_date; to read the range again, give a new state`)
    return []
  })
  const tracker = createTracker(
    {
      state,
      realmId: config.realmId,
      bound,
      out: life.out,
      callsOf: (stream) => callsOf(run.client.meter, stream),
    },
    new Map(streams.map(({ stream, before }) => [stream.name, before])),
  )

  /** What lies in the future has not been asked for. */
  function checkFuture(stream: Stream, bookmark: Bookmark): Bookmark {
    const { deletionsKnownTo = asOf, progress } = bookmark
    if (deletionsKnownTo <= asOf + CLOCKS_APART) return bookmark
    log.warning(
      `${stream.name}: the state knows deletions up to ${formatInstant(deletionsKnownTo)}, in the ` +
        `future; they are asked for from ${formatInstant(progress.lowWater)} on`,
    )
    return { ...bookmark, deletionsKnownTo: undefined }
  }

  function lowerBound(): void {
    const settled = Math.floor(run.client.seenNow() - config.settleSeconds)
    if (settled >= bound.asOf) return
    log.warning(
      `QuickBooks' answers carry a time ${bound.asOf - settled} s behind its token end point's; ` +
        `the range ends at ${formatInstant(Math.min(bound.upper, settled))}`,
    )
    bound.asOf = settled
    bound.upper = Math.min(bound.upper, settled)
    for (const { stream } of streams) {
      const { deletionsKnownTo = settled, readAsOf = settled } = tracker.bookmark(stream.name)
      if (deletionsKnownTo > settled) tracker.change(stream.name, { deletionsKnownTo: settled })
      if (readAsOf > settled) tracker.change(stream.name, { readAsOf: settled })
    }
  }

  // With few calls to spend, whatever lags most goes first, so that every run gets further.
  const lagOf = ({ before: { progress, unreadable } }: Planned): number =>
    ordinaryRanges(progress, unreadable, upper)[0]?.start ?? upper
  const lags = streams.map(lagOf)
  const deletionsLag = streams
    .filter(({ stream, before }) => stream.hasChanges && !before.isReloading)
    .map(({ before }) => before.deletionsKnownTo ?? 0)
  const isFrugal = config.callLimit <= streams.length + 1
  const deletionsFirst = !isFrugal || Math.min(...deletionsLag) < Math.min(...lags)
  return {
    selected,
    streams: [...streams].sort((a, b) => lagOf(a) - lagOf(b)),
    bound,
    lowerBound,
    deletionsFirst,
    isFrugal,
    tracker,
    inSlot: createSlots(config.concurrency),
  }
}
