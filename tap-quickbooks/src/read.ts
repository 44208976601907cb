import type { Log, Writer } from '@singer-io-ts/core'
import { dropTexts } from './answer.ts'
import { askCount, askRows, miscount } from './asking.ts'
import { QuickbooksError } from './errors.ts'
import { leaveOpen, readHole } from './holes.ts'
import { settleAll } from './limiter.ts'
import type { Pace } from './pace.ts'
import { type Ask, type Hole, type Page, type Place, readPages } from './pages.ts'
import type { Plan, Planned, Run } from './plan.ts'
import { isPoisoned, type Unreadable, unlessPoisoned } from './poison.ts'
import { isEdge, markDone, ordinaryRanges } from './progress.ts'
import { newestQuery, selectQuery } from './query.ts'
import { createRecordFormat, type Origin } from './records.ts'
import type { AskedRows } from './rows.ts'
import { splitRange } from './split.ts'
import { createGrid, later, type Range, type Stretch, windowOf } from './windows.ts'

/** What reading a stream needs of its run. */
export type ReadParts = Pick<Run, 'config' | 'client'> &
  Pick<Plan, 'tracker' | 'inSlot' | 'bound' | 'lowerBound' | 'isFrugal'> & {
    pace: Pace
    out: Writer
    log: Log
  }

/** Pages that take QuickBooks too long are halved, but not further than this. */
const LEAST_PAGE_SIZE = 100

/** Beyond the upper bound nothing is newer than this, whatever the clocks say. */
const EDITED_SECONDS = 30 * 86_400

/** What is not counted after so many pages will not be. */
const MOST_UNCOUNTED_PAGES = 3

/** At the end of a reload, edits are followed no further than this. */
const MOST_EDITED_PAGES = 50

/**
 * Reads everything of the stream that changed before `upper` and is not done yet: page by page,
 * window by window, a STATE after each window that had rows. Large ranges are read in parts at
 * the same time; the bookmark then holds the low-water mark and the ranges done beyond it. Gives
 * the rows that QuickBooks cannot give out, around which the bookmark stays open, and whether a
 * reload has come to its end.
 */
export async function readStream(
  { stream, entry, before, isResumed, strange }: Planned,
  parts: ReadParts,
): Promise<{ unreadable: readonly Unreadable[]; isReloaded: boolean }> {
  const { config, client, tracker, out, log, inSlot, bound } = parts
  const { progress, places, readAsOf, unreadable: known } = tracker.bookmark(stream.name)
  const remaining = ordinaryRanges(progress, known, bound.upper)
  const knownHoles = known.filter(({ start }) => start < bound.upper)
  const edges = remaining.length + knownHoles.length
  const isToUpper = (remaining.at(-1)?.end ?? 0) >= bound.upper
  const { isReloading } = tracker.bookmark(stream.name)
  const readsAll = !isResumed || isReloading
  // A run with few calls has none left to look at a second time for what was edited.
  const last = isReloading && parts.isFrugal && isToUpper && isUpToNow() && remaining.pop()
  const whole = { start: beginOf(progress.lowWater), end: bound.upper }
  const grid = createGrid(config.startDate, config.chunkDays, whole)
  const format = createRecordFormat(stream, entry, strange)
  const path = `/v3/company/${config.realmId}/query`
  const hasLimit = Number.isFinite(config.callLimit)
  const openPlaces = new Map<Range, Place>()
  const unreadable: Unreadable[] = []
  let pageSize = config.pageSize
  /** Whether rows can be counted where they cannot be read: then one of them is in the way. */
  let canCount: Promise<boolean> | undefined
  let isTooFast = false

  const readOne = ({ start: edge, end }: Range): Promise<void> => {
    const start = beginOf(edge)
    return readChain({ start, end, edge }, placeAt(edge, start))
  }
  // Few calls are best spent where there is something to get; a hole that stays one comes last.
  if (parts.isFrugal) for (const range of remaining) await readOne(range)
  else await settleAll(remaining.map(readOne))
  for (const hole of knownHoles) await readOpen(hole)
  // What end_date leaves out would be marked as deleted.
  if (isReloading && unreadable.length === 0 && isUpToNow()) {
    const isRead = await readTail(last ? last.start : bound.upper)
    return { unreadable, isReloaded: isRead && unreadable.length === 0 }
  }
  if (last) await readOne(last)
  return { unreadable, isReloaded: false }

  /** Where an earlier run stopped. */
  function placeAt(edge: number, start: number): Place | undefined {
    return places.find(({ second }) => second === edge && start === edge)
  }

  function isUpToNow(): boolean {
    return bound.upper === bound.asOf
  }

  /**
   * What was edited while a reload ran has left its range, and would be marked as deleted: it is
   * emitted before the version is activated, and read again by the next run once it has settled.
   * False when edits come faster than they can be read.
   */
  async function readTail(edge: number): Promise<boolean> {
    const start = beginOf(edge)
    const end = bound.upper + EDITED_SECONDS
    await readChain({ start, end, edge }, placeAt(edge, start), 'tail')
    if (!isTooFast) return true
    log.warning(`${stream.name}: edited too fast to end its reload now; the next run tries again`)
    return false
  }

  /**
   * Where to begin so that what became visible late before the edge is found too. What was settled
   * when it was read is not looked at again, or a run with few calls would not get further.
   */
  function beginOf(edge: number): number {
    const { lookbackSeconds } = config
    if (!isResumed || (readAsOf !== undefined && edge <= readAsOf - lookbackSeconds)) return edge
    const first = before.since ?? config.startDate
    return Math.min(edge, Math.max(Math.floor(edge - lookbackSeconds), first))
  }

  /** Reads one range from its start to its end; unless it is a part, gives parts of it away. */
  async function readChain(
    range: Stretch,
    from?: Place,
    what: 'whole' | 'part' | 'hole' | 'tail' = 'whole',
  ): Promise<void> {
    if (from !== undefined) openPlaces.set(range, from)
    const others: Promise<void>[] = []
    let isWhole = what === 'whole'
    let rowsRead = 0
    let cursor = range.start
    let answer: AskedRows | undefined
    const holes: Hole[] = []
    const lowerEnd = (): void => {
      if (what !== 'tail') range.end = Math.min(range.end, bound.upper)
    }
    const ask: Ask = {
      async rows(asked, page) {
        answer = await askFor(selectQuery(stream, asked, page))
        lowerEnd()
        return answer.rows
      },
      async newest(asked, count) {
        const newest = await askFor(newestQuery(stream, asked, count))
        lowerEnd()
        return newest.rows
      },
      refusalOf,
      miscounted: (asked, counted, found) => log.warning(miscount(stream, asked, counted, found)),
      async count(asked) {
        const count = await askCount(client, stream, asked)
        parts.lowerBound()
        lowerEnd()
        return count
      },
      isLimited: hasLimit,
    }
    const askedSize = pageSize
    // A part begins with a row, and what reads all of a stream should find some.
    const isSure = what === 'tail' && (range.edge >= bound.upper || config.callLimit === 1)
    const expectsRows = !isSure && (what === 'part' || readsAll)
    const pages = readPages(range, askedSize, ask, from, expectsRows)
    try {
      for (;;) {
        // The slot is held until the rows are written: a slow reader limits what is in memory.
        const page = await inSlot(async () => {
          const next = await pages.next()
          if (next.done) return undefined
          const { hole } = next.value
          if (hole !== undefined) {
            holes.push(hole)
            // It stays open in the bookmark.
            range.edge = Math.max(range.edge, hole.end)
            leaveOpen(stream, hole, [hole], tracker)
          }
          await emit(range, next.value, answer)
          return next.value
        })
        if (page === undefined) break
        rowsRead += page.rows.length
        cursor = page.doneTo
        if (isWhole && page.pageNumber > MOST_UNCOUNTED_PAGES)
          parts.pace.expect(stream.name, undefined)
        isTooFast = what === 'tail' && page.pageNumber >= MOST_EDITED_PAGES
        if (isTooFast) break
        if (page.pageNumber === 1 && page.isFull && isWhole) {
          isWhole = false
          const start = Math.max(page.doneTo, range.edge)
          // Rows of the second at the edge have come, and are counted with the rest.
          const known = page.rows.filter(({ at }) => at >= start).length
          const read = rowsRead - known
          const onCount = (rows: number | undefined) =>
            parts.pace.expect(stream.name, rows === undefined ? undefined : read + rows)
          const rest = { start, end: range.end }
          const split = await splitRange(rest, { ...parts, stream, askFor, onCount })
          if (split.length > 0) {
            range.end = split[0]?.start ?? range.end
            for (const part of split) {
              const other = readChain({ ...part, edge: part.start }, undefined, 'part')
              // It is waited for below; a failure before that must not end the program.
              other.catch(() => {})
              others.push(other)
            }
          }
        }
      }
      if (isWhole) parts.pace.expect(stream.name, rowsRead)
    } catch (thrown) {
      const rest = { ...range, start: cursor }
      const place = openPlaces.get(range)
      if (isTooHeavy(thrown) && askedSize > LEAST_PAGE_SIZE) {
        openPlaces.delete(range)
        pageSize = Math.min(pageSize, Math.max(LEAST_PAGE_SIZE, Math.ceil(askedSize / 2)))
        log.warning(`${stream.name}: QuickBooks takes too long; pages of ${pageSize} from here on`)
        await readChain(rest, place, what === 'whole' && !isWhole ? 'part' : what)
      } else throw thrown
    } finally {
      await settleAll(others)
    }
    for (const hole of holes) await readOpen(hole, what === 'hole' ? hole.fault : undefined)
  }

  function readOpen(hole: Range, before?: QuickbooksError): Promise<void> {
    return readHole(hole, before, {
      ...{ stream, tracker, unreadable, inSlot, askFor, emit, pageSize: config.pageSize },
      done: (range, to) => done(range, to, undefined),
      readChain: (range) => readChain(range, undefined, 'hole'),
    })
  }

  /** One row in the answer may be why it was refused, unless rows cannot even be counted. */
  async function refusalOf(thrown: unknown): Promise<QuickbooksError | undefined> {
    if (!isPoisoned(thrown)) return undefined
    if (canCount === undefined)
      log.warning(`${stream.name}: a page is refused; looking for the row that may be the cause`)
    // Few calls are not spent on certainty.
    canCount ??= hasLimit
      ? Promise.resolve(true)
      : unlessPoisoned(
          askCount(client, stream, whole).then(() => true),
          false,
        )
    return (await canCount) ? thrown : undefined
  }

  /** Writes a page's rows, and a STATE for each window that they complete. */
  async function emit(
    range: Stretch,
    page: Page,
    { rows, query, time }: AskedRows = { rows: [], query: '', time: undefined },
  ): Promise<void> {
    const { version } = tracker.bookmark(stream.name)
    let window: Range | undefined
    let origin: Origin | undefined
    for (const row of page.rows) {
      if (window === undefined || origin === undefined || row.at >= window.end) {
        if (window !== undefined) await done(range, window.end, window)
        window = windowOf(row.at, grid)
        origin = { window, pageNumber: page.pageNumber, pageSize: page.pageSize, path, query, time }
      }
      const waiting = out.write(format(row, origin, version))
      if (waiting !== undefined) await waiting
    }
    // A chain keeps the rows of its last page while it waits for its next turn.
    dropTexts(rows)
    tracker.change(stream.name, { rows: tracker.bookmark(stream.name).rows + page.rows.length })
    if (page.place === undefined) openPlaces.delete(range)
    else openPlaces.set(range, page.place)
    await done(range, Math.min(page.doneTo, range.end), window)
    await out.flush()
  }

  async function done({ edge }: Stretch, to: number, window: Range | undefined): Promise<void> {
    const { progress: old, lastWindow, ...bookmark } = tracker.bookmark(stream.name)
    const after = markDone(old, { start: edge, end: Math.min(to, bound.upper) })
    // Other edges than the low-water mark may have been reached in earlier runs.
    const isOneEdge = edges === 1 && progress.ranges.length === 0 && after.lowWater > old.lowWater
    // With an end_date the end may have been reached in an earlier run.
    const isToEnd = after.lowWater >= bound.upper && isToUpper
    tracker.change(stream.name, {
      progress: after,
      readAsOf: isOneEdge || isToEnd ? bound.asOf : bookmark.readAsOf,
      // A place says something only while its second is the edge of what is done.
      places: [...openPlaces.values()].filter(({ second }) => isEdge(second, after)),
      lastWindow: later(window, lastWindow),
    })
    await tracker.write()
  }

  async function askFor(query: string): Promise<AskedRows> {
    const answer = await askRows(client, stream, query, canCount !== undefined)
    parts.lowerBound()
    return answer
  }
}

/** The gateway has given up on an answer (504): fewer rows may come in time. */
function isTooHeavy(thrown: unknown): boolean {
  return thrown instanceof QuickbooksError && thrown.status === 504
}
