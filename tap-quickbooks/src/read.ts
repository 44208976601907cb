import type { Log, Writer } from '@singer-io-ts/core'
import { answerTime, dropTexts, type Row } from './answer.ts'
import type { Bookmark } from './bookmarks.ts'
import { countParts, maySplit } from './cost.ts'
import { askCount } from './count.ts'
import { QuickbooksError } from './errors.ts'
import { formatInstant } from './instant.ts'
import { settleAll } from './limiter.ts'
import { type Page, type Place, readPages } from './pages.ts'
import type { Plan, Planned, Run } from './plan.ts'
import {
  findPoisonedSecond,
  isPoisoned,
  type PoisonAsk,
  readPoisonedSecond,
  type Unreadable,
} from './poison.ts'
import { markDone, remainingRanges } from './progress.ts'
import { namesQuery, newestQuery, type PageRequest, selectQuery } from './query.ts'
import { createRecordFormat, type Origin } from './records.ts'
import { type AskedRows, readQueryRows } from './rows.ts'
import { createGrid, type Range, windowOf } from './windows.ts'

/** What reading a stream needs of its run. */
export type ReadParts = Pick<Run, 'config' | 'client'> &
  Pick<Plan, 'tracker' | 'inSlot' | 'asOf' | 'upper'> & { out: Writer; log: Log }

/** A range that is read; what lies before `edge` is done already and only looked at again. */
type Stretch = Range & { edge: number }

/** Where a refusal is what is looked for, it is not asked for again and again. */
const FEW_ATTEMPTS = 2

/** Pages that take QuickBooks too long are halved, but not further than this. */
const LEAST_PAGE_SIZE = 100

/** Beyond the upper bound nothing is newer than this, whatever the clocks say. */
const EDITED_SECONDS = 30 * 86_400

/** More rows that QuickBooks cannot give out, in one stream and run, are left to the next run. */
const MOST_UNREADABLE = 100

/**
 * Reads everything of the stream that changed before `upper` and is not done yet: page by page,
 * window by window, a STATE after each window that had rows. Large ranges are read in parts at
 * the same time; the bookmark then holds the low-water mark and the ranges done beyond it. Gives
 * the rows that QuickBooks cannot give out; their seconds stay open in the bookmark.
 */
export async function readStream(
  { stream, entry, before, isResumed, strange }: Planned,
  parts: ReadParts,
): Promise<readonly Unreadable[]> {
  const { config, client, tracker, out, log, inSlot, asOf, upper } = parts
  const { progress, places, readAsOf } = tracker.bookmark(stream.name)
  const remaining = remainingRanges(progress, upper)
  const lowest = beginOf(progress.lowWater)
  const grid = createGrid(config.startDate, config.chunkDays, { start: lowest, end: upper })
  const format = createRecordFormat(stream, entry, strange)
  const path = `/v3/company/${config.realmId}/query`
  const openPlaces = new Map<Range, Place>()
  const unreadable: Unreadable[] = []
  let pageSize = config.pageSize
  const poisonAsk: PoisonAsk = {
    rows: (range, page) => askFor(selectQuery(stream, range, page), FEW_ATTEMPTS),
    names: (range, page) => askFor(namesQuery(stream, range, page), FEW_ATTEMPTS),
    count: (range) => askCount(client, stream, range),
  }

  await settleAll(
    remaining.map(({ start: edge, end }) => {
      const start = beginOf(edge)
      const place = places.find(({ second }) => second === edge && start === edge)
      return readChain({ start, end, edge }, place)
    }),
  )
  if (tracker.bookmark(stream.name).isReloading && upper === asOf) await readEdited()
  return unreadable

  /**
   * What was edited while a reload ran has left its range, and would be marked as deleted: it is
   * emitted before the version is activated, and read again by the next run once it has settled.
   */
  async function readEdited(): Promise<void> {
    let answer: AskedRows | undefined
    const { version } = tracker.bookmark(stream.name)
    const pages = readPages({ start: upper, end: upper + EDITED_SECONDS }, pageSize, {
      async rows(asked, page) {
        answer = await inSlot(() => askFor(selectQuery(stream, asked, page)))
        return answer.rows
      },
      newest: async (asked) => (await inSlot(() => askFor(newestQuery(stream, asked)))).rows[0],
    })
    for await (const { rows, pageNumber, pageSize: asked } of pages)
      for (const row of rows) {
        const { query = '', time } = answer ?? {}
        const window = windowOf(row.at, grid)
        await out.write(
          format(row, { window, pageNumber, pageSize: asked, path, query, time }, version),
        )
      }
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
  async function readChain(range: Stretch, from?: Place, isPart = false): Promise<void> {
    if (from !== undefined) openPlaces.set(range, from)
    const others: Promise<void>[] = []
    let isWhole = !isPart
    let cursor = range.start
    let answer: AskedRows | undefined
    const ask = {
      async rows(asked: Range, page: PageRequest): Promise<readonly Row[]> {
        answer = await askFor(selectQuery(stream, asked, page))
        return answer.rows
      },
      newest: async (asked: Range) => (await askFor(newestQuery(stream, asked))).rows[0],
    }
    const askedSize = pageSize
    const pages = readPages(range, askedSize, ask, from)
    try {
      for (;;) {
        // The slot is held until the rows are written: a slow reader limits what is in memory.
        const page = await inSlot(async () => {
          const next = await pages.next()
          if (!next.done) await emit(range, next.value, answer)
          return next.value
        })
        if (page === undefined) break
        cursor = page.doneTo
        if (page.pageNumber === 1 && page.isFull && isWhole) {
          isWhole = false
          const start = Math.max(page.doneTo, range.edge)
          const split = await splitRange({ start, end: range.end })
          if (split.length > 0) {
            range.end = split[0]?.start ?? range.end
            for (const part of split) {
              const other = readChain({ ...part, edge: part.start }, undefined, true)
              // It is waited for below; a failure before that must not end the program.
              other.catch(() => {})
              others.push(other)
            }
          }
        }
      }
    } catch (thrown) {
      const rest = { ...range, start: cursor }
      const place = openPlaces.get(range)
      if (isTooHeavy(thrown) && askedSize > LEAST_PAGE_SIZE) {
        openPlaces.delete(range)
        pageSize = Math.min(pageSize, Math.max(LEAST_PAGE_SIZE, Math.ceil(askedSize / 2)))
        log.warning(`${stream.name}: QuickBooks takes too long; pages of ${pageSize} from here on`)
        await readChain(rest, place, !isWhole)
      } else if (isPoisoned(thrown)) {
        openPlaces.delete(range)
        await readAround(rest, thrown, !isWhole)
      } else throw thrown
    } finally {
      await settleAll(others)
    }
  }

  /** One row keeps QuickBooks from answering: reads what is before, beside and behind it. */
  async function readAround(rest: Stretch, fault: QuickbooksError, isPart: boolean): Promise<void> {
    log.warning(`${stream.name}: a page is refused; looking for the row that may be the cause`)
    const isBearable = unreadable.length < MOST_UNREADABLE
    const find = () => findPoisonedSecond(rest, config.pageSize, poisonAsk)
    const second = isBearable ? await inSlot(find) : undefined
    if (second === undefined) throw fault
    await readChain({ ...rest, end: second }, undefined, true)
    const left = await inSlot(() => readSecond(second))
    if (left.length === 0) throw fault
    unreadable.push(...left)
    const next = second + 1
    await readChain({ ...rest, start: next, edge: Math.max(next, rest.edge) }, undefined, isPart)
  }

  /** What can be read of a second goes out; the second stays open. */
  async function readSecond(second: number): Promise<readonly Unreadable[]> {
    const pages = readPoisonedSecond(second, config.pageSize, poisonAsk)
    for (let pageNumber = 1; ; pageNumber++) {
      const { done: isEnd, value } = await pages.next()
      if (isEnd) return value
      const { rows } = value.answer
      const page = { rows, doneTo: second, place: undefined, isFull: false, pageNumber }
      await emit(
        { start: second, end: second + 1, edge: second },
        { ...page, pageSize: value.pageSize },
        value.answer,
      )
    }
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
    const after = markDone(old, { start: edge, end: to })
    // Other edges than the low-water mark may have been reached in earlier runs.
    const isOneEdge = remaining.length === 1 && after.lowWater > old.lowWater
    tracker.change(stream.name, {
      progress: after,
      readAsOf: isOneEdge || after.lowWater >= upper ? asOf : bookmark.readAsOf,
      places: [...openPlaces.values()].filter((place) => isOpen(place, after)),
      lastWindow: window ?? lastWindow,
    })
    await tracker.write()
  }

  /** Cuts a large range where every part has about as many rows; costs a few calls. */
  async function splitRange(range: Range): Promise<Range[]> {
    if (!maySplit(config)) return []
    const rows = await inSlot(() => askCount(client, stream, range))
    const count = countParts(rows, config)
    if (count < 2) return []
    log.debug(`${stream.name}: ${rows} rows from ${formatInstant(range.start)} on, ${count} parts`)
    const firsts = await Promise.all(
      Array.from({ length: count - 1 }, (_, part) => {
        const startPosition = Math.floor((rows * (part + 1)) / count) + 1
        const query = selectQuery(stream, range, { startPosition, maxResults: 1 })
        return inSlot(async () => (await askFor(query)).rows[0]?.at ?? range.end)
      }),
    )
    const cuts = new Set(firsts.filter((at) => at > range.start && at < range.end))
    const starts = [...cuts].sort((a, b) => a - b)
    return starts.map((start, index) => ({ start, end: starts[index + 1] ?? range.end }))
  }

  async function askFor(query: string, attempts?: number): Promise<AskedRows> {
    const answer = await client.get({
      stream: stream.name,
      endpoint: 'query',
      path: 'query',
      parameters: { query, minorversion: '75' },
      member: 'QueryResponse',
      ...(attempts !== undefined && { attempts }),
    })
    return { rows: readQueryRows(answer, stream.entity), query, time: answerTime(answer) }
  }
}

/** The gateway has given up on an answer (504): fewer rows may come in time. */
function isTooHeavy(thrown: unknown): boolean {
  return thrown instanceof QuickbooksError && thrown.status === 504
}

/** A place says something only while its second is the edge of what is done. */
function isOpen(place: Place, progress: Bookmark['progress']): boolean {
  return (
    place.second === progress.lowWater ||
    progress.ranges.some((range) => range.end === place.second)
  )
}
