import type { Bookmark } from './bookmarks.ts'
import type { QuickbooksError } from './errors.ts'
import type { Page } from './pages.ts'
import type { Plan } from './plan.ts'
import { readPieces, type Unreadable, unlessPoisoned } from './poison.ts'
import { namesQuery, selectQuery } from './query.ts'
import type { AskedRows } from './rows.ts'
import type { Stream } from './streams.ts'
import type { Tracker } from './tracker.ts'
import type { Range, Stretch } from './windows.ts'

/** What reading a hole needs of the stream's reading. */
export type HoleParts = Pick<Plan, 'inSlot'> & {
  stream: Stream
  pageSize: number
  tracker: Pick<Tracker, 'bookmark' | 'change'>
  /** Where rows go that cannot be read. */
  unreadable: Unreadable[]
  askFor(query: string): Promise<AskedRows>
  emit(range: Stretch, page: Page, answer: AskedRows): Promise<void>
  /** Marks a stretch as read, from its edge. */
  done(range: Stretch, to: number): Promise<void>
  /** Reads a hole like any range, once nothing in it is refused. */
  readChain(range: Stretch): Promise<void>
}

/** QuickBooks gives no more at a time. */
const MOST_NAMES = 1000

/** Of a page from the inside of a hole. */
const NOTHING_DONE = { doneTo: 0, hole: undefined, place: undefined, isFull: false } as const

/**
 * Reads what was passed over, piece by piece. What cannot be read stays open: its seconds where
 * QuickBooks names it, else the whole hole. `before` is the fault for which it was passed over.
 */
export async function readHole(
  { start, end }: Range,
  before: QuickbooksError | undefined,
  parts: HoleParts,
): Promise<void> {
  const { stream, pageSize, tracker, unreadable, askFor, inSlot } = parts
  const { ids, faults } = await inSlot(emitPieces)
  const [fault = before] = faults
  const hole = { id: undefined, changed: { start, end } }
  if (fault === undefined) {
    const others = unreadable.length
    await parts.readChain({ start, end, edge: start })
    if (unreadable.length === others) leaveOpen(stream, { start, end }, [], tracker)
    return
  }
  const page = { startPosition: 1, maxResults: MOST_NAMES }
  const ask = () => askFor(namesQuery(stream, { start, end }, page))
  const named = await inSlot(() => unlessPoisoned(ask(), undefined))
  const rows = named?.rows ?? []
  const missing = rows.filter(({ id }) => !ids.has(id))
  if (missing.length === 0) {
    const causes = faults.length > 0 ? faults : [fault]
    unreadable.push(...causes.map((cause) => ({ ...hole, fault: cause })))
    return
  }
  const seconds = missing.map(({ at }) => ({ start: at, end: at + 1 }))
  for (const { id, at } of missing)
    unreadable.push({ id, changed: { start: at, end: at + 1 }, fault })
  // Unless something has moved between the answers, all else has been read.
  if (rows.length !== ids.size + faults.length || rows.length >= MOST_NAMES) return
  leaveOpen(stream, { start, end }, seconds, tracker)
  let from = start
  for (const { start: to, end: next } of [...seconds, { start: end, end }]) {
    await parts.done({ start, end, edge: from }, to)
    from = next
  }

  async function emitPieces(): Promise<{ ids: Set<string>; faults: QuickbooksError[] }> {
    const ids = new Set<string>()
    const pieces = readPieces({ start, end }, pageSize, (piece, page) =>
      askFor(selectQuery(stream, piece, page)),
    )
    for (let pageNumber = 1; ; pageNumber++) {
      const { done: isEnd, value } = await pieces.next()
      if (isEnd) return { ids, faults: value }
      const { answer, pageSize } = value
      for (const { id } of answer.rows) ids.add(id)
      const page = { ...NOTHING_DONE, rows: answer.rows, pageNumber, pageSize }
      await parts.emit({ start, end, edge: end }, page, answer)
    }
  }
}

/** The state says of these stretches of the range that there is a row that cannot be read. */
export function leaveOpen(
  { name }: Stream,
  { start, end }: Range,
  stretches: readonly Range[],
  tracker: HoleParts['tracker'],
): void {
  const known: Bookmark['unreadable'] = tracker.bookmark(name).unreadable
  const others = known.flatMap((one) => [
    { start: one.start, end: Math.min(one.end, start) },
    { start: Math.max(one.start, end), end: one.end },
  ])
  const all = [...others, ...stretches].filter((one) => one.start < one.end)
  const open = all.map((one) => ({ start: one.start, end: one.end }))
  tracker.change(name, { unreadable: open.sort((a, b) => a.start - b.start) })
}
