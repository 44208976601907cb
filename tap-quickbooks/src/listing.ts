import { deselectedProperties, type Life, type Writer } from '@singer-io-ts/core'
import { dropTexts, type Row } from './answer.ts'
import { askCount, askRows, miscount } from './asking.ts'
import { readBookmark } from './bookmarks.ts'
import { listDeletions } from './deletions.ts'
import { QuickbooksError } from './errors.ts'
import { formatInstant } from './instant.ts'
import { settleAll } from './limiter.ts'
import { type Given, type Listed, lineOfEnd, lineOfRows, lineOfStretch } from './listinglines.ts'
import { type Ask, type Page, readPages } from './pages.ts'
import type { Plan, Run } from './plan.ts'
import { isPoisoned, unlessPoisoned } from './poison.ts'
import { newestQuery, selectQuery } from './query.ts'
import { plural } from './report.ts'
import type { AskedRows } from './rows.ts'
import { splitRange } from './split.ts'
import type { Stream } from './streams.ts'
import type { Range } from './windows.ts'

/** Nothing is newer than this beyond now, whatever the clocks say. */
const EDITED_SECONDS = 30 * 86_400

/** What is edited while it is listed is followed no further than this. */
const MOST_EDITED_PAGES = 50

/** QueryParserError, QueryValidationError: the query itself is not taken. */
const REFUSED_QUERY = new Set(['4000', '4001'])

/** What listing a stream needs of its run. */
export type ListingParts = Run & Pick<Life, 'log'> & { plan: Plan; out: Writer; given: Given }

/**
 * Lists which rows QuickBooks has of a stream, with the time of their last change and TotalAmt: a
 * line for each page. Read as a load reads them, so that none is skipped; then what has changed
 * after the end of the range, so that a row that was edited meanwhile is seen at its new place;
 * last what was deleted, so that a row that went meanwhile is seen to have gone.
 */
export async function listRows(stream: Stream, parts: ListingParts): Promise<void> {
  const { config, client, plan, out, log } = parts
  const { bound, inSlot } = plan
  // What the load leaves out is in no table.
  const entry = plan.selected.find((one) => one.stream.name === stream.name)?.entry
  const isLeftOut = entry !== undefined && deselectedProperties(entry).has('TotalAmt')
  const hasTotal = !isLeftOut && Object.hasOwn(stream.schema.properties as object, 'TotalAmt')
  let columns = `Id, MetaData.LastUpdatedTime${hasTotal ? ', TotalAmt' : ''}`
  let rows = 0
  let canCount: Promise<boolean> | undefined
  const endNow = (): number => endOf(stream, parts)

  const start = config.startDate
  if (start < endNow()) await readChain({ start, end: endNow() }, true)
  const end = endNow()
  const inRange = rows
  await readEdited({ start: Math.max(start, end), end: bound.asOf + EDITED_SECONDS })
  const deletionsFrom = stream.hasChanges ? await listDeletions(stream, parts) : undefined
  const listed: Listed = { end, rows, asOf: bound.asOf, moved: 0, deletionsFrom }
  await out.write(lineOfEnd(stream.name, listed))
  await out.flush()
  log.info(`${stream.name}: ${plural(inRange, 'row')} up to ${formatInstant(end)}`)

  /** Reads a range to its end; where it is large, in parts at the same time. */
  async function readChain(range: Range, isWhole: boolean): Promise<void> {
    const others: Promise<void>[] = []
    const ask: Ask = {
      rows: (asked, page) => askFor(selectQuery(stream, asked, page), range),
      newest: (asked, count) => askFor(newestQuery(stream, asked, count), range),
      async count(asked) {
        const count = await askCount(client, stream, asked)
        plan.lowerBound()
        range.end = Math.min(range.end, endNow())
        return count
      },
      miscounted: (asked, counted, found) => log.warning(miscount(stream, asked, counted, found)),
      refusalOf,
    }
    const pages = readPages(range, config.pageSize, ask, undefined, !isWhole)
    try {
      for (;;) {
        const page = await nextPage(pages)
        if (page === undefined) break
        if (!isWhole || page.pageNumber > 1 || !page.isFull) continue
        const rest = { start: page.doneTo, end: range.end }
        const split = await splitRange(rest, {
          ...{ ...parts, inSlot, stream, askFor: askWhole },
          onCount: () => {},
        })
        if (split.length > 0) range.end = split[0]?.start ?? range.end
        for (const part of split) {
          const other = readChain(part, false)
          // It is waited for below; a failure before that must not end the program.
          other.catch(() => {})
          others.push(other)
        }
      }
    } finally {
      await settleAll(others)
    }
  }

  /** What has changed since the end of the range, and while it was read. */
  async function readEdited(range: Range): Promise<void> {
    const pages = readPages(range, config.pageSize, {
      rows: (asked, page) => askFor(selectQuery(stream, asked, page)),
      newest: (asked, count) => askFor(newestQuery(stream, asked, count)),
      count: (asked) => askCount(client, stream, asked),
      refusalOf,
    })
    for (let edited = 0; ; ) {
      const page = await nextPage(pages)
      if (page === undefined) return
      if (page.doneTo > bound.asOf && ++edited > MOST_EDITED_PAGES)
        throw new QuickbooksError('rows are edited faster than they can be listed', {})
    }
  }

  /** The slot is held until the rows are written: a slow reader limits what is in memory. */
  function nextPage(pages: AsyncGenerator<Page, void, void>): Promise<Page | undefined> {
    return inSlot(async () => {
      const next = await pages.next()
      if (next.done) return undefined
      const { hole, rows: found } = next.value
      if (hole !== undefined) {
        log.warning(
          `${stream.name}: a row that changed last between ${formatInstant(hole.start)} and ` +
            `${formatInstant(hole.end)} cannot be read: ${hole.fault.message}`,
        )
        await out.write(lineOfStretch(stream.name, hole))
      }
      if (found.length > 0) await out.write(lineOfRows(stream.name, found, hasTotal))
      rows += found.length
      dropTexts(found)
      return next.value
    })
  }

  /** One row in the answer may be why it was refused, unless rows cannot even be counted. */
  async function refusalOf(thrown: unknown): Promise<QuickbooksError | undefined> {
    if (!isPoisoned(thrown)) return undefined
    const whole = { start, end: bound.upper }
    canCount ??= unlessPoisoned(
      askCount(client, stream, whole).then(() => true),
      false,
    )
    return (await canCount) ? thrown : undefined
  }

  /** The rows of a query; whole ones where QuickBooks does not give single columns. */
  async function askFor(query: string, range?: Range): Promise<readonly Row[]> {
    const asked = columns
    let found: readonly Row[] | undefined
    try {
      found = (await askWhole(query.replace('*', asked))).rows
    } catch (thrown) {
      if (asked === '*' || !isRefusedQuery(thrown)) throw thrown
    }
    // The range ends earlier where QuickBooks' clock was found to be behind.
    if (range !== undefined) range.end = Math.min(range.end, endNow())
    const isWhole = !hasTotal || found?.some(({ members }) => members.includes('TotalAmt'))
    if (found !== undefined && (asked === '*' || found.length === 0 || isWhole)) return found
    if (columns !== '*')
      log.info(`${stream.name}: QuickBooks does not give ${asked} alone; whole rows are read`)
    columns = '*'
    return askFor(query, range)
  }

  async function askWhole(query: string): Promise<AskedRows> {
    const answer = await askRows(client, stream, query, canCount !== undefined)
    plan.lowerBound()
    return answer
  }
}

/** Where the range of a stream ends: with --state where that says all is loaded. */
export function endOf(stream: Stream, { config, state, plan, given }: EndParts): number {
  const { upper } = plan.bound
  if (given.state === undefined) return upper
  const loadedTo = readBookmark(state, stream.name)?.progress.lowWater ?? config.startDate
  return Math.max(config.startDate, Math.min(upper, loadedTo))
}

type EndParts = Pick<ListingParts, 'config' | 'state' | 'plan' | 'given'>

function isRefusedQuery(thrown: unknown): boolean {
  return thrown instanceof QuickbooksError && REFUSED_QUERY.has(thrown.faultCode ?? '')
}
