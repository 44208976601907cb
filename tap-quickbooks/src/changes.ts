import type { Log, Writer } from '@singer-io-ts/core'
import { answerTime, type Row } from './answer.ts'
import { formatInstant } from './instant.ts'
import type { Plan, Planned, Run } from './plan.ts'
import { createRecordFormat } from './records.ts'
import { readChangedRows } from './rows.ts'
import type { Stream } from './streams.ts'
import { createGrid, windowOf } from './windows.ts'

/** Change data capture looks back 30 days; an hour is kept clear of the edge. */
const REACH_SECONDS = 30 * 86_400 - 3600
/** An answer with so many objects may have left some out. */
const MOST_OBJECTS = 1000
/** Whether changedSince takes in its own second is not documented. */
const OVERLAP_SECONDS = 1

/** What asking for deletions needs of its run. */
export type ChangeParts = Pick<Run, 'config' | 'client'> &
  Pick<Plan, 'tracker' | 'asOf' | 'upper'> & { out: Writer; log: Log }

/** What change data capture said of one stream. */
type Changes = {
  rows: Row[]
  /** The request that brought each row. */
  query: string
  time: string | undefined
}

/**
 * Emits what was deleted since the streams were read last, as marked records. Gives the streams
 * in which nothing else has changed either, so that they need no query. Streams whose deletions
 * can no longer be known are reported, or begun again under a new version.
 */
export async function readDeletions(
  selected: readonly Planned[],
  parts: ChangeParts,
): Promise<Set<string>> {
  const { tracker, asOf } = parts
  const quiet = new Set<string>()
  const asked = selected.filter(({ stream }) => {
    const { deletionsKnownTo, deletionsMissedSince, progress, isReloading } = tracker.bookmark(
      stream.name,
    )
    if (isReloading) return false
    if (deletionsMissedSince !== undefined && parts.config.onDeleteGap === 'reload') {
      reportGap(stream, deletionsMissedSince, 'an earlier run has found a gap', parts)
      if (tracker.bookmark(stream.name).isReloading) return false
    }
    const since = deletionsKnownTo ?? progress.lowWater
    if (since >= asOf) return false
    if (since >= asOf - REACH_SECONDS) return true
    reportGap(stream, since, `change data capture looks back 30 days only`, parts)
    return !tracker.bookmark(stream.name).isReloading
  })
  if (asked.length === 0) return quiet

  const since = Math.min(...asked.map(({ stream }) => changedSince(stream, parts)))
  const together = await capture(
    asked.map(({ stream }) => stream),
    since,
    parts,
  )
  const total = together.reduce((sum, { rows }) => sum + rows.length, 0)
  for (const [index, one] of asked.entries()) {
    const { stream } = one
    const changes = together[index]
    if (changes === undefined) continue
    if (total < MOST_OBJECTS) {
      await emitDeleted(one, [changes], parts)
      if (isQuiet(stream, changes.rows, since, parts)) quiet.add(stream.name)
    } else {
      await emitDeleted(one, await captureAlone(stream, parts), parts)
    }
    if (!tracker.bookmark(stream.name).isReloading)
      tracker.change(stream.name, { deletionsKnownTo: asOf })
  }
  return quiet
}

/** From when on to ask, so that the answer serves for deletions and, if it can, for changes. */
function changedSince(stream: Stream, parts: ChangeParts): number {
  const { deletionsKnownTo, progress } = parts.tracker.bookmark(stream.name)
  const reach = parts.asOf - REACH_SECONDS
  const deletions = Math.max(deletionsKnownTo ?? progress.lowWater, reach) - OVERLAP_SECONDS
  const changes = progress.lowWater - parts.config.lookbackSeconds - OVERLAP_SECONDS
  return changes < reach ? deletions : Math.min(deletions, changes)
}

/** Whether the answer proves that a query would find nothing. */
function isQuiet(stream: Stream, rows: readonly Row[], since: number, parts: ChangeParts): boolean {
  const { progress } = parts.tracker.bookmark(stream.name)
  const from = progress.lowWater - parts.config.lookbackSeconds
  if (since > from - OVERLAP_SECONDS || parts.upper > parts.asOf) return false
  return !rows.some((row) => !row.isDeleted && row.at >= from && row.at < parts.upper)
}

/** Asks for one stream alone, moving on from the last time seen while answers are full. */
async function captureAlone(stream: Stream, parts: ChangeParts): Promise<Changes[]> {
  const all: Changes[] = []
  let since = changedSince(stream, parts)
  for (;;) {
    const [changes] = await capture([stream], since, parts)
    if (changes === undefined) return all
    all.push(changes)
    const last = changes.rows.at(-1)
    if (changes.rows.length < MOST_OBJECTS || last === undefined) return all
    if (last.at <= since) {
      reportGap(stream, since, `${MOST_OBJECTS} objects or more changed in one second`, parts)
      if (parts.tracker.bookmark(stream.name).isReloading) return all
      since = last.at + 1
    } else since = last.at
  }
}

async function capture(
  streams: readonly Stream[],
  since: number,
  parts: ChangeParts,
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
  const query = new URLSearchParams(parameters).toString()
  const time = answerTime(answer)
  return readChangedRows(answer, entities).map((rows) => ({ rows, query, time }))
}

async function emitDeleted(
  { stream, entry, strange }: Planned,
  answers: readonly Changes[],
  parts: ChangeParts,
): Promise<void> {
  const { config, tracker, out, log } = parts
  const { progress, version, rows: before } = tracker.bookmark(stream.name)
  const range = { start: progress.lowWater - parts.config.lookbackSeconds, end: parts.upper }
  const grid = createGrid(config.startDate, config.chunkDays, range)
  const format = createRecordFormat(stream, entry, strange)
  const path = `/v3/company/${config.realmId}/cdc`
  let count = 0
  for (const [index, { rows, query, time }] of answers.entries()) {
    for (const row of rows) {
      if (!row.isDeleted) continue
      count++
      const window = windowOf(row.at, grid)
      const origin = { window, pageNumber: index + 1, pageSize: MOST_OBJECTS, path, query, time }
      await out.write(format(row, origin, version))
    }
  }
  if (count === 0) return
  log.info(`${stream.name}: ${count} deleted`)
  tracker.change(stream.name, { rows: before + count })
}

/** Says that deletions were missed, or begins the stream again to find them by their absence. */
function reportGap(stream: Stream, since: number, why: string, parts: ChangeParts): void {
  const { config, tracker, log, asOf } = parts
  const bookmark = tracker.bookmark(stream.name)
  const missed = `${stream.name}: deletions since ${formatInstant(since)} cannot be known (${why})`
  // A reload that leaves out what lies after end_date would mark those rows as deleted.
  if (config.onDeleteGap === 'warn' || parts.upper < asOf) {
    log.warning(
      `${missed}; rows deleted then stay as they are. ` +
        'To find them, run once with on_delete_gap reload and without end_date.',
    )
    const deletionsMissedSince = Math.min(bookmark.deletionsMissedSince ?? since, since)
    tracker.change(stream.name, { deletionsMissedSince })
    return
  }
  const version = Math.max(Math.floor(asOf), (bookmark.version ?? 0) + 1)
  log.warning(`${missed}; the stream is read again in full under version ${version}`)
  tracker.change(stream.name, {
    progress: {
      // Where a state of another tap began is not known: then all there is.
      lowWater: Math.min(bookmark.since ?? 0, config.startDate),
      ranges: [],
    },
    places: [],
    readAsOf: undefined,
    deletionsKnownTo: asOf,
    deletionsMissedSince: undefined,
    version,
    isReloading: true,
  })
}
