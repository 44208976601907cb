import type { Row } from './answer.ts'
import { readBehind } from './behind.ts'
import { QuickbooksError } from './errors.ts'
import { addIds, checkOrder, dropRepeats, isNewestFirst, lastIds, noProgress } from './pagerows.ts'
import type { PageRequest } from './query.ts'
import type { Range } from './windows.ts'

/** The rows that one request brought and no earlier one had. */
export type Page = {
  rows: readonly Row[]
  /** Everything of the range before this instant has been given out, but for the holes. */
  doneTo: number
  /** What was passed over on the way to these rows, because of a row in it. */
  hole: Hole | undefined
  /** Where the next request begins, when that is inside the second `doneTo`. */
  place: Place | undefined
  /** The place of the request in its chain, from 1. */
  pageNumber: number
  /** MAXRESULTS as asked. */
  pageSize: number
  /** As many rows as were asked for came: there are probably more. */
  isFull: boolean
}

/** A place inside a second: one with more rows than an answer holds, or the last one. */
export type Place = {
  second: number
  startPosition: number
  knownIds: readonly string[]
  /** Nothing more is likely to come: next the newest rows are asked for, which may prove it. */
  isShort: boolean
}

/** A stretch with a row in it that keeps the answer from coming. */
export type Hole = Range & { fault: QuickbooksError }

/** How a range is asked for, ordered by the time of the last change. */
export type Ask = {
  rows(range: Range, page: PageRequest): Promise<readonly Row[]>
  /** So many rows of the range that changed last; in which order those of one second come is unknown. */
  newest(range: Range, count: number): Promise<readonly Row[]>
  /** How many rows the range has. */
  count(range: Range): Promise<number>
  /** Calls are limited, perhaps to one: what a run begins with must get further by itself. */
  isLimited?: boolean
  /** Is told that so many are counted, and no answer has more than so many. */
  miscounted?(range: Range, counted: number, found: number): void
  /** The refusal, where one row in the answer may be why; else undefined. */
  refusalOf(thrown: unknown): Promise<QuickbooksError | undefined>
}

/** Rows of the same second that two requests have in common, so that a shift is seen. */
const MOST_OVERLAP = 50
/** QuickBooks gives no more in one answer. */
const MOST_ROWS = 1000
/** So many requests in a row that bring nothing new: the far end does not do what it is asked. */
const MOST_IDLE_REQUESTS = 50
/** So often a count is believed that no answer bears out. */
const MOST_MISCOUNTS = 5
/**
 * Reads a range of a set that changes while it is read, without skipping a row. The next request
 * starts at the last time seen, not at a position: an edited row leaves the range and everything
 * behind it moves up, which would carry an unread row past a position. Rows that come twice are
 * dropped by Id. Only inside a second with more rows than a page does STARTPOSITION move, always
 * so that the answer begins with a row that is known; if it does not, rows have moved up and the
 * position goes back. A short answer is no proof of the end, for a server may give fewer rows
 * than asked, in one answer or in all: the end is that the newest rows are known ones up to one of
 * an earlier second; or, where there is none, that as many rows are left as have been counted, and
 * all of them are known. Neither can be had by leaving rows out. Where rows cannot be counted, or
 * a run with few calls goes on, it is that the newest rows are known, which short answers may feign.
 *
 * A refused answer is asked for in halves, until the row that is in the way is the next one; what
 * lies around it is passed over as a hole.
 *
 * `range.end` may be lowered while reading; what lies beyond it is then left to another reader.
 * `from` is the place where an earlier run stopped, in the second `range.start`. Where
 * `expectsRows` says that there should be some, a single empty answer is not believed.
 */
export async function* readPages(
  range: Range,
  pageSize: number,
  ask: Ask,
  from?: Place,
  expectsRows = false,
): AsyncGenerator<Page, void, void> {
  let cursor = range.start
  /** Ids of the rows given out whose time is `cursor`. */
  let known = new Set(from?.knownIds)
  let startPosition = from?.startPosition ?? 1
  /** Where the last known row stands, counted from `cursor`. */
  let lastKnown = from === undefined ? 0 : startPosition + known.size - 1
  let isCrowded = from !== undefined
  /** All rows of the second `cursor` that were given out are known, not the last ones only. */
  let isComplete = startPosition === 1
  let isShort = from?.isShort ?? false
  /** The last second before `cursor` that had a row. */
  let before: number | undefined
  /** How many rows there were from `cursor` on, before they are asked for once more. */
  let counted: number | undefined
  let mayCount = true
  /** That of the last page. */
  let place: Place | undefined
  let miscounts = 0
  let isNothingBehind = false
  /** An answer can hold so many rows: as many as one has held. */
  let most = isComplete ? Math.max(2, known.size + 1) : 2
  /** Of so many rows behind the last known one, one is in the way; 0 when none is. */
  let suspects = 0
  let idle = 0
  /** How many empty answers are doubted. */
  let doubts = expectsRows || known.size > 0 ? 1 : 0

  for (let pageNumber = 1; cursor < range.end; pageNumber++) {
    const asked = { start: cursor, end: range.end }
    if (isShort) {
      isShort = false
      const isWhole = isComplete && known.size < Math.min(most, MOST_ROWS)
      let isMore = false
      if (before !== undefined && isWhole) {
        const newest = await newestOf({ start: before, end: range.end }, known.size + 1)
        const isKnown = newest?.every((row) => row.at < cursor || isKnownRow(row))
        if (isKnown && newest?.some((row) => row.at < cursor) && isNewestFirst(newest)) {
          yield { ...NO_PAGE, doneTo: range.end, pageNumber, pageSize }
          return
        }
        // The earlier row has gone, the answer was short again, or there is more.
        before = undefined
        isMore = isKnown === false
      }
      const isResumed = from !== undefined && pageNumber === 1
      if (!isMore && !(isResumed && ask.isLimited)) counted = await countOf(asked)
      if (counted !== undefined) {
        startPosition = isComplete && known.size <= most ? 1 : Math.max(1, lastKnown)
      } else if (!isMore && (isWhole || !isComplete || isNothingBehind)) {
        const newest = await newestOf(asked, isWhole ? known.size + 1 : 1)
        const isKnown = newest?.every((row) => row.at === cursor && (!isWhole || isKnownRow(row)))
        const count = newest?.length ?? 0
        if (count > 0 && isKnown && count >= (isWhole ? known.size : 1)) {
          yield { ...NO_PAGE, doneTo: range.end, pageNumber, pageSize }
          return
        }
        if (newest?.length === 0) doubts = 0
        else if (isKnown) {
          // Some have gone, or the answer was short again: is there a row behind the last known one?
          isComplete = false
          startPosition = Math.max(1, lastKnown)
        }
        // A run with a single call gets no further now; the next one is to ask for the rows.
        if (isResumed)
          yield { ...NO_PAGE, doneTo: cursor, place: { ...from, isShort }, pageNumber, pageSize }
      }
    }
    // Two requests share a row of a crowded second, so a page of one row would not get on.
    let maxResults = isCrowded ? Math.max(2, pageSize) : pageSize
    const wanted = suspects > 0 ? Math.ceil(suspects / 2) : maxResults
    if (suspects > 0) {
      startPosition = Math.max(1, lastKnown)
      maxResults = Math.min(pageSize, wanted) + Math.min(1, lastKnown)
    }
    let rows: readonly Row[]
    try {
      rows = dropRepeats(await ask.rows(asked, { startPosition, maxResults }))
    } catch (thrown) {
      const fault = await ask.refusalOf(thrown)
      if (fault === undefined) throw thrown
      if (wanted > 1) {
        suspects = wanted
        continue
      }
      const behind = await readBehind(ask, asked, lastKnown, pageSize)
      checkOrder(behind.rows, asked)
      const end = Math.min(range.end, (behind.rows[0]?.at ?? range.end) + 1)
      const fresh = behind.rows.filter((row) => row.at < range.end)
      const hole = { start: cursor, end, fault }
      before = undefined
      counted = undefined
      cursor = Math.max(end, Math.min(range.end, behind.rows.at(-1)?.at ?? end))
      known = new Set(fresh.filter((row) => row.at === cursor).map((row) => row.id))
      lastKnown = known.size
      startPosition = 1
      isCrowded = false
      isComplete = true
      isShort = false
      suspects = 0
      yield { ...NO_PAGE, rows: fresh, doneTo: cursor, hole, pageNumber, pageSize: behind.asked }
      continue
    }
    checkOrder(rows, asked)
    const first = rows[0]
    if (startPosition > 1 && !(first?.at === cursor && known.has(first.id))) {
      if (++idle > MOST_IDLE_REQUESTS) throw noProgress(cursor)
      // Further each time: of what an earlier run has seen, much may have gone.
      startPosition = Math.max(1, startPosition - Math.ceil(maxResults / 2) * 2 ** (idle - 1))
      lastKnown = startPosition === 1 ? 0 : startPosition
      suspects = 0
      // Should this run end here, the next one begins with the second anew.
      yield { ...NO_PAGE, doneTo: cursor, pageNumber, pageSize: maxResults }
      continue
    }
    const fresh = rows.filter((row) => row.at < range.end && !isKnownRow(row))
    const last = rows.at(-1)
    if (counted !== undefined && fresh.length === 0) {
      // What is there now was there when it was counted: an edited row leaves and does not come back.
      const found = startPosition - 1 + rows.length
      if (found <= lastKnown && found !== counted) miscounts++
      if (found === counted || miscounts >= MOST_MISCOUNTS) {
        if (found < counted) ask.miscounted?.(asked, counted, found)
        yield { ...NO_PAGE, doneTo: range.end, pageNumber, pageSize: maxResults }
        return
      }
      // Behind the last known one there may be another.
      lastKnown = isComplete ? known.size : Math.max(lastKnown, found)
      startPosition = Math.max(1, lastKnown)
      isComplete = false
      counted = undefined
      yield { ...NO_PAGE, doneTo: cursor, place, pageNumber, pageSize: maxResults }
      continue
    }
    counted = undefined
    // What was there a moment ago may have been edited away; it may as well have been left out.
    if (last === undefined && doubts > 0) {
      doubts--
      yield { ...NO_PAGE, doneTo: cursor, pageNumber, pageSize: maxResults }
      continue
    }
    if (last === undefined || last.at >= range.end) {
      yield { ...NO_PAGE, rows: fresh, doneTo: range.end, pageNumber, pageSize: maxResults }
      return
    }
    doubts = 1
    most = Math.max(most, rows.length)
    suspects = Math.max(0, suspects - fresh.length)
    idle = fresh.length > 0 ? 0 : idle + 1
    if (fresh.length > 0) miscounts = 0
    if (idle > MOST_IDLE_REQUESTS) throw noProgress(cursor)
    const isFull = rows.length >= maxResults
    isNothingBehind = startPosition === lastKnown && rows.length === 1
    isCrowded = first?.at === last.at
    if (last.at > cursor) {
      before = rows.findLast(({ at }) => at < last.at)?.at ?? (known.size > 0 ? cursor : undefined)
      cursor = last.at
      known = new Set()
      isComplete = true
      startPosition = 1
    }
    addIds(known, rows, cursor)
    lastKnown = isCrowded ? startPosition + rows.length - 1 : known.size
    // Few rows of the second are simply asked for again, whatever their order.
    const isInside = isCrowded || known.size > MOST_OVERLAP
    startPosition = isInside ? lastKnown + 1 - (isFull ? overlapOf(rows.length) : 1) : 1
    const isFew = known.size < most || (mayCount && !ask.isLimited && known.size <= MOST_OVERLAP)
    isShort = !isFull && ((isComplete && isFew) || isNothingBehind)
    const isPart = isInside && !(isShort && isComplete)
    const isPlace = isPart || (isShort && known.size <= MOST_OVERLAP)
    const knownIds = isPart ? lastIds(rows, lastKnown - startPosition + 1) : [...known]
    const found = { second: cursor, startPosition: isPart ? startPosition : 1, knownIds, isShort }
    place = isPlace ? found : undefined
    yield {
      ...NO_PAGE,
      rows: fresh,
      doneTo: cursor,
      place,
      pageNumber,
      pageSize: maxResults,
      isFull,
    }
  }

  function isKnownRow({ id, at }: Row): boolean {
    return at === cursor && known.has(id)
  }

  /** Undefined when one of them is in the way: then there is more to read. */
  async function newestOf(asked: Range, count: number): Promise<readonly Row[] | undefined> {
    try {
      return await ask.newest(asked, count)
    } catch (thrown) {
      if (await ask.refusalOf(thrown)) return undefined
      throw thrown
    }
  }

  /** Undefined when it cannot be had, or when one of them is in the way. */
  async function countOf(asked: Range): Promise<number | undefined> {
    try {
      return mayCount ? await ask.count(asked) : undefined
    } catch (thrown) {
      if (!(thrown instanceof QuickbooksError)) throw thrown
      mayCount = false
      return undefined
    }
  }
}

const NO_PAGE = { rows: [], hole: undefined, place: undefined, isFull: false } as const

/** How many of the rows just read the next answer shall begin with; at least one. */
function overlapOf(count: number): number {
  return Math.max(1, Math.min(MOST_OVERLAP, Math.floor(count / 2)))
}
