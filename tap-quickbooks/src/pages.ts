import type { Row } from './answer.ts'
import { QuickbooksError } from './errors.ts'
import { formatInstant } from './instant.ts'
import type { PageRequest } from './query.ts'
import type { Range } from './windows.ts'

/** The rows that one request brought and no earlier one had. */
export type Page = {
  rows: readonly Row[]
  /** Everything of the range before this instant has been given out with this page. */
  doneTo: number
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
  /** The last answer was short: next the newest row is asked for, which may prove the end. */
  isShort: boolean
}

/** How a range is asked for, ordered by the time of the last change. */
export type Ask = {
  rows(range: Range, page: PageRequest, pageNumber: number): Promise<readonly Row[]>
  /** The row of the range that changed last, of the same second the last in order. */
  newest(range: Range): Promise<Row | undefined>
}

/** Rows of the same second that two requests have in common, so that a shift is seen. */
const MOST_OVERLAP = 50
/** So many requests in a row that bring nothing new: the far end does not do what it is asked. */
const MOST_IDLE_REQUESTS = 50

/**
 * Reads a range of a set that changes while it is read, without skipping a row. The next request
 * starts at the last time seen, not at a position: an edited row leaves the range and everything
 * behind it moves up, which would carry an unread row past a position. Rows that come twice are
 * dropped by Id. Only inside a second with more rows than a page does STARTPOSITION move, always
 * so that the answer begins with a row that is known; if it does not, rows have moved up and the
 * position goes back. A short answer is no proof of the end, for a server may give fewer rows
 * than asked: the end is an empty answer, or that the newest row of what is left is known.
 *
 * `range.end` may be lowered while reading; what lies beyond it is then left to another reader.
 * `from` is the place where an earlier run stopped, in the second `range.start`.
 */
export async function* readPages(
  range: Range,
  pageSize: number,
  ask: Ask,
  from?: Place,
): AsyncGenerator<Page, void, void> {
  let cursor = range.start
  /** Ids of the rows given out whose time is `cursor`. */
  let known = new Set(from?.knownIds)
  let startPosition = from?.startPosition ?? 1
  let isCrowded = from !== undefined
  let isShort = from?.isShort ?? false
  let idle = 0

  for (let pageNumber = 1; cursor < range.end; pageNumber++) {
    const asked = { start: cursor, end: range.end }
    if (isShort) {
      const newest = await ask.newest(asked)
      if (newest === undefined || (newest.at === cursor && known.has(newest.id))) {
        yield { ...LAST, doneTo: range.end, pageNumber, pageSize }
        return
      }
      // A run with a single call gets no further now; the next one is to ask for the rows.
      if (from !== undefined && pageNumber === 1) {
        const place = { ...from, isShort: false }
        yield { ...LAST, doneTo: cursor, place, pageNumber, pageSize }
      }
    }
    // Two requests share a row of a crowded second, so a page of one row would not get on.
    const maxResults = isCrowded ? Math.max(2, pageSize) : pageSize
    const rows = dropRepeats(await ask.rows(asked, { startPosition, maxResults }, pageNumber))
    checkOrder(rows, asked)
    const first = rows[0]
    if (startPosition > 1 && !(first?.at === cursor && known.has(first.id))) {
      if (++idle > MOST_IDLE_REQUESTS) throw noProgress(cursor)
      startPosition = Math.max(1, startPosition - Math.ceil(maxResults / 2))
      continue
    }
    const fresh = rows.filter(
      (row) => row.at < range.end && !(row.at === cursor && known.has(row.id)),
    )
    isShort = rows.length < maxResults
    const last = rows.at(-1)
    if (last === undefined || last.at >= range.end) {
      yield { ...LAST, rows: fresh, doneTo: range.end, pageNumber, pageSize: maxResults }
      return
    }
    idle = fresh.length > 0 ? 0 : idle + 1
    if (idle > MOST_IDLE_REQUESTS) throw noProgress(cursor)
    isCrowded = last.at === cursor
    if (isCrowded) {
      for (const row of rows) known.add(row.id)
      startPosition += rows.length - overlapOf(rows.length)
    } else {
      cursor = last.at
      known = new Set(rows.filter((row) => row.at === cursor).map((row) => row.id))
      startPosition = 1
    }
    const isPlace = isCrowded || (isShort && known.size <= MOST_OVERLAP)
    yield {
      rows: fresh,
      doneTo: cursor,
      place: isPlace
        ? {
            second: cursor,
            startPosition,
            knownIds: isCrowded ? lastIds(rows) : [...known],
            isShort,
          }
        : undefined,
      pageNumber,
      pageSize: maxResults,
      isFull: !isShort,
    }
  }
}

const LAST = { rows: [], place: undefined, isFull: false } as const

/** How many of the rows just read the next answer shall begin with; at least one. */
function overlapOf(count: number): number {
  return Math.max(1, Math.min(MOST_OVERLAP, Math.floor(count / 2)))
}

function lastIds(rows: readonly Row[]): string[] {
  return rows.slice(-overlapOf(rows.length)).map((row) => row.id)
}

function noProgress(second: number): QuickbooksError {
  return new QuickbooksError(
    `the rows of ${formatInstant(second)} cannot be read to their end: answers bring nothing new`,
    {},
    { hint: 'They are edited faster than they can be read, or STARTPOSITION is ignored.' },
  )
}

/** A row that comes twice in one answer takes up one position only. */
function dropRepeats(rows: readonly Row[]): readonly Row[] {
  const seen = new Set<string>()
  return rows.filter((row) => {
    const key = `${row.at} ${row.id}`
    return !seen.has(key) && seen.add(key)
  })
}

/** Reading on from the last row is only right when rows come in order and from the range asked. */
function checkOrder(rows: readonly Row[], asked: Range): void {
  let before = asked.start
  for (const row of rows) {
    if (row.at < before || row.at >= asked.end)
      throw new QuickbooksError(
        `row ${row.id} is out of order or outside the range that was asked for`,
        {},
        { hint: 'The answer does not follow the query, so that reading on could lose rows.' },
      )
    before = row.at
  }
}
