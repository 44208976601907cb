import type { Log, Writer } from '@singer-io-ts/core'
import { answerTime, type Row } from './answer.ts'
import { QuickbooksError } from './errors.ts'
import { formatInstant } from './instant.ts'
import type { Plan, Planned, Run } from './plan.ts'
import { markDone } from './progress.ts'
import { createRecordFormat } from './records.ts'
import { readChangedRows } from './rows.ts'
import type { Stream } from './streams.ts'
import { createGrid, windowOf } from './windows.ts'

/** Change data capture looks back 30 days; an hour is kept clear of the edge. */
export const REACH_SECONDS: number = 30 * 86_400 - 3600
/** An answer with so many objects may have left some out. */
export const MOST_OBJECTS = 1000
/** Bad request, forbidden, failed over it, took too long for it. */
const MAY_BE_ONE_ENTITY = new Set([200, 400, 403, 500, 504])
/** Whether changedSince takes in its own second is not documented. */
export const OVERLAP_SECONDS = 1

/** What asking for deletions needs of its run. */
export type ChangeParts = Pick<Run, 'config' | 'client'> &
  Pick<Plan, 'tracker' | 'bound' | 'lowerBound'> & {
    out: Writer
    log: Log
    /** Runs a task; its failure is said under this name and stops nothing else. */
    guard: (name: string, task: () => Promise<void>) => Promise<void>
  }

/** What change data capture said of one stream. */
export type Changes = {
  rows: Row[]
  /** The request that brought each row. */
  query: string
  time: string | undefined
}

/**
 * Emits what was deleted since the streams were read last, as marked records. A stream in which
 * nothing else has changed either is done: it needs no query. Streams whose deletions can no
 * longer be known are reported, or begun again under a new version.
 */
export async function readDeletions(
  selected: readonly Planned[],
  parts: ChangeParts,
): Promise<void> {
  const { tracker, out } = parts
  const asked = selected.filter(({ stream }) => canBeAsked(stream, parts))
  const asksAlone = ({ stream }: Planned) => tracker.bookmark(stream.name).asksAlone
  const together = asked.filter((one) => !asksAlone(one))
  // Those that lag come first, or few calls would never reach them.
  await askAlone(asked.filter(asksAlone))
  if (together.length > 0) {
    await parts.guard('deletions', () => captureTogether(together, parts))
    await askAlone(together.filter(asksAlone))
  }
  await tracker.write()
  await out.flush()

  async function askAlone(streams: readonly Planned[]): Promise<void> {
    for (const one of streams)
      await parts.guard(`deletions of ${one.stream.name}`, () => captureAlone(one, parts))
  }
}

/** Whether change data capture can still show what was deleted; if not, that is a gap. */
function canBeAsked(stream: Stream, parts: ChangeParts): boolean {
  const { tracker, config, bound } = parts
  const { deletionsKnownTo, deletionsMissedSince, progress, isReloading } = tracker.bookmark(
    stream.name,
  )
  if (!isReloading && deletionsMissedSince !== undefined && config.onDeleteGap === 'reload') {
    reportGap(stream, deletionsMissedSince, 'an earlier run has found a gap', parts)
    if (tracker.bookmark(stream.name).isReloading) return false
  }
  const since = deletionsKnownTo ?? progress.lowWater
  if (since >= bound.asOf) return false
  if (since >= bound.asOf - REACH_SECONDS) return true
  // What is gone for so long is found at the end of the reload.
  if (isReloading) return false
  reportGap(stream, since, `change data capture looks back 30 days only`, parts)
  return !tracker.bookmark(stream.name).isReloading
}

/** One call for all; where that is too much for an answer, or refused, each is asked alone. */
async function captureTogether(asked: readonly Planned[], parts: ChangeParts): Promise<void> {
  const { tracker, bound, log } = parts
  const streams = asked.map(({ stream }) => stream)
  const askAlone = (): void => {
    for (const { name } of streams) tracker.change(name, { asksAlone: true })
  }
  const since = Math.min(...streams.map((stream) => changedSince(stream, parts)))
  let answers: Changes[]
  try {
    answers = await capture(streams, since, parts)
  } catch (thrown) {
    if (!(thrown instanceof QuickbooksError) || streams.length === 1) throw thrown
    // One of the entities may be the cause; not so when nothing gets through.
    if (!MAY_BE_ONE_ENTITY.has(thrown.status ?? 0)) throw thrown
    log.warning(`change data capture is refused; each stream is asked by itself: ${thrown.message}`)
    return askAlone()
  }
  // How the answer was cut when it was too much is not documented: nothing of it is relied on.
  if (answers.reduce((sum, { rows }) => sum + rows.length, 0) >= MOST_OBJECTS) {
    askAlone()
    await tracker.write()
    return
  }
  for (const [index, one] of asked.entries()) {
    const { name } = one.stream
    const changes = answers[index]
    if (changes === undefined) continue
    await emitDeleted(one, changes, 1, parts)
    tracker.change(name, { deletionsKnownTo: bound.asOf })
    if (!isQuiet(one.stream, changes.rows, since, parts)) continue
    const { progress } = tracker.bookmark(name)
    const rest = { start: progress.lowWater, end: bound.upper }
    tracker.change(name, { progress: markDone(progress, rest), readAsOf: bound.asOf })
  }
}

/** Deletions are known to here. */
function knownTo(stream: Stream, { tracker, bound }: ChangeParts): number {
  const { deletionsKnownTo, progress } = tracker.bookmark(stream.name)
  return Math.max(deletionsKnownTo ?? progress.lowWater, bound.asOf - REACH_SECONDS)
}

/** From when on to ask, so that the answer serves for deletions and, if it can, for changes. */
function changedSince(stream: Stream, parts: ChangeParts): number {
  const { progress } = parts.tracker.bookmark(stream.name)
  const deletions = knownTo(stream, parts) - OVERLAP_SECONDS
  const changes = progress.lowWater - parts.config.lookbackSeconds - OVERLAP_SECONDS
  const isWithinReach = changes >= parts.bound.asOf - REACH_SECONDS
  return isWithinReach && progress.ranges.length === 0 ? Math.min(deletions, changes) : deletions
}

/** Whether the answer proves that a query would find nothing. */
function isQuiet(stream: Stream, rows: readonly Row[], since: number, parts: ChangeParts): boolean {
  const { tracker, config, bound } = parts
  const { progress, unreadable } = tracker.bookmark(stream.name)
  const from = progress.lowWater - config.lookbackSeconds
  // What lies below ranges that are done may hold a row that cannot be read.
  if (progress.ranges.length > 0 || unreadable.length > 0) return false
  if (since > from - OVERLAP_SECONDS) return false
  // QuickBooks has been seen to call a row deleted that was only edited: a query would show it.
  return !rows.some((row) => row.at >= from && row.at < bound.upper)
}

/** Asks for one stream alone, moving on from the last time seen while answers are full. */
async function captureAlone(one: Planned, parts: ChangeParts): Promise<void> {
  const { tracker, bound } = parts
  const { name } = one.stream
  let isCrowded = false
  for (let pageNumber = 1; ; pageNumber++) {
    const known = knownTo(one.stream, parts)
    const [changes] = await capture([one.stream], known - OVERLAP_SECONDS, parts)
    if (changes === undefined) return
    await emitDeleted(one, changes, pageNumber, parts)
    const last = changes.rows.at(-1)
    if (changes.rows.length < MOST_OBJECTS || last === undefined) {
      tracker.change(name, { deletionsKnownTo: bound.asOf, asksAlone: false })
      return
    }
    if (last.at <= known && !isCrowded) {
      isCrowded = true
      reportGap(one.stream, known, `${MOST_OBJECTS} objects or more changed in one second`, parts)
      if (tracker.bookmark(name).isReloading) return
    }
    // Saved at once: with few calls the next run goes on from here.
    tracker.change(name, { deletionsKnownTo: Math.max(last.at, known + 1) })
    await tracker.write()
  }
}

/** What change data capture says of the streams since an instant. One metered call. */
export async function capture(
  streams: readonly Stream[],
  since: number,
  parts: Pick<ChangeParts, 'client' | 'lowerBound'>,
): Promise<Changes[]> {
  const entities = streams.map((stream) => stream.entity)
  const parameters = {
    entities: entities.join(','),
    changedSince: formatInstant(since),
    minorversion: '75',
  }
  const answer = await parts.client.get({
    stream: streams.map((stream) => stream.name).join(','),
    endpoint: 'cdc',
    path: 'cdc',
    parameters,
    member: 'CDCResponse',
  })
  parts.lowerBound()
  const query = new URLSearchParams(parameters).toString()
  const time = answerTime(answer)
  return readChangedRows(answer, entities).map((rows) => ({ rows, query, time }))
}

async function emitDeleted(
  { stream, entry, strange }: Planned,
  { rows, query, time }: Changes,
  pageNumber: number,
  parts: ChangeParts,
): Promise<void> {
  const { config, tracker, bound, out, log } = parts
  const { progress, version, rows: before } = tracker.bookmark(stream.name)
  const range = { start: progress.lowWater - config.lookbackSeconds, end: bound.upper }
  const grid = createGrid(config.startDate, config.chunkDays, range)
  const format = createRecordFormat(stream, entry, strange)
  const path = `/v3/company/${config.realmId}/cdc`
  const deleted = rows.filter((row) => row.isDeleted)
  for (const row of deleted) {
    const window = windowOf(row.at, grid)
    const origin = { window, pageNumber, pageSize: MOST_OBJECTS, path, query, time }
    await out.write(format(row, origin, version))
  }
  if (deleted.length === 0) return
  log.info(`${stream.name}: ${deleted.length} deleted`)
  tracker.change(stream.name, { rows: before + deleted.length })
}

/** Says that deletions were missed, or begins the stream again to find them by their absence. */
function reportGap(stream: Stream, since: number, why: string, parts: ChangeParts): void {
  const { config, tracker, log, bound } = parts
  const bookmark = tracker.bookmark(stream.name)
  const missed = `${stream.name}: deletions since ${formatInstant(since)} cannot be known (${why})`
  // A reload that leaves out what lies after end_date would mark those rows as deleted.
  if (config.onDeleteGap === 'warn' || bound.upper < bound.asOf) {
    log.warning(
      `${missed}; rows deleted then stay as they are. ` +
        'To find them, run once with on_delete_gap reload and without end_date.',
    )
    const deletionsMissedSince = Math.min(bookmark.deletionsMissedSince ?? since, since)
    tracker.change(stream.name, { deletionsMissedSince })
    return
  }
  const version = Math.max(Math.floor(bound.asOf), (bookmark.version ?? 0) + 1)
  log.warning(`${missed}; the stream is read again in full under version ${version}`)
  tracker.change(stream.name, {
    progress: {
      // Where a state of another tap began is not known: then all there is.
      lowWater: Math.min(bookmark.since ?? 0, config.startDate),
      ranges: [],
    },
    places: [],
    unreadable: [],
    readAsOf: undefined,
    deletionsKnownTo: bound.asOf,
    deletionsMissedSince: undefined,
    asksAlone: false,
    version,
    isReloading: true,
  })
}
