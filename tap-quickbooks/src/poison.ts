import { QuickbooksError } from './errors.ts'
import { formatInstant } from './instant.ts'
import type { PageRequest } from './query.ts'
import type { AskedRows } from './rows.ts'
import type { Stream } from './streams.ts'
import type { Range } from './windows.ts'

/** A row that QuickBooks cannot give out. */
export type Unreadable = { id: string | undefined; second: number; fault: QuickbooksError }

/** How rows are asked for; each throws what the client throws. */
export type PoisonAsk = {
  rows(range: Range, page: PageRequest): Promise<AskedRows>
  /** Id and time alone, which QuickBooks may give where it cannot give the row. */
  names(range: Range, page: PageRequest): Promise<AskedRows>
  count(range: Range): Promise<number>
}

/** QueryProcessingError, Object Not Found: what QuickBooks says of a stored row that is invalid. */
const CODES = new Set(['4002', '610'])

/**
 * Whether one row in the answer may be why QuickBooks refuses all of it. A system fault (10000)
 * is such a case where its status blames the request; with 5xx QuickBooks itself is down.
 */
export function isPoisoned(thrown: unknown): thrown is QuickbooksError {
  if (!(thrown instanceof QuickbooksError)) return false
  const { faultCode = '', status } = thrown
  return CODES.has(faultCode) || (faultCode === '10000' && status === 400)
}

/**
 * The second of the first row that keeps QuickBooks from giving out the range; undefined when it
 * is not a row that stands in the way. Refused requests are not metered.
 */
export async function findPoisonedSecond(
  range: Range,
  pageSize: number,
  ask: PoisonAsk,
): Promise<number | undefined> {
  const isRefused = (end: number): Promise<boolean> =>
    isPoison(() =>
      ask.rows({ start: range.start, end }, { startPosition: 1, maxResults: pageSize }),
    )
  // Who cannot even count rows has another trouble than one of them.
  if (await isPoison(() => ask.count(range))) return undefined
  // The first page is good: the refused one lay further inside a crowded second, the first.
  if (!(await isRefused(range.end))) return range.start
  let good = range.start
  let bad = range.end
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2)
    if (await isRefused(middle)) bad = middle
    else good = middle
  }
  return good
}

/** Reads what can be read of a second, in ever smaller pages; gives the rows that are left. */
export async function* readPoisonedSecond(
  second: number,
  pageSize: number,
  ask: PoisonAsk,
): AsyncGenerator<{ answer: AskedRows; pageSize: number }, Unreadable[], void> {
  const range = { start: second, end: second + 1 }
  const unreadable: Unreadable[] = []
  let maxResults = pageSize
  for (let startPosition = 1; ; ) {
    const page = { startPosition, maxResults }
    try {
      const answer = await ask.rows(range, page)
      if (answer.rows.length === 0) return unreadable
      yield { answer, pageSize: maxResults }
      startPosition += answer.rows.length
      maxResults = Math.min(pageSize, maxResults * 2)
    } catch (thrown) {
      if (!isPoisoned(thrown)) throw thrown
      if (maxResults > 1) {
        maxResults = Math.floor(maxResults / 2)
        continue
      }
      unreadable.push({ id: await nameOf(range, page, ask), second, fault: thrown })
      startPosition++
    }
  }
}

/** What is said of rows that are left out. */
export function unreadableError(stream: Stream, rows: readonly Unreadable[]): QuickbooksError {
  const names = rows.map(
    ({ id, second }) =>
      `${stream.entity} ${id ?? 'of unknown Id'}, last changed ${formatInstant(second)}`,
  )
  const { message = '', status, faultCode } = rows[0]?.fault ?? {}
  return new QuickbooksError(
    `${rows.length} ${rows.length === 1 ? 'row' : 'rows'} cannot be read (${names.join('; ')}): ` +
      `${message}`,
    { status, faultCode },
    {
      hint:
        'All other rows are read. Open and save what is named in QuickBooks, or ask Intuit with ' +
        'the intuit_tid; the state keeps its second open, so that every run asks for it again.',
    },
  )
}

async function isPoison(task: () => Promise<unknown>): Promise<boolean> {
  try {
    await task()
    return false
  } catch (thrown) {
    if (isPoisoned(thrown)) return true
    throw thrown
  }
}

async function nameOf(
  range: Range,
  page: PageRequest,
  ask: PoisonAsk,
): Promise<string | undefined> {
  try {
    return (await ask.names(range, page)).rows[0]?.id
  } catch (thrown) {
    if (thrown instanceof QuickbooksError) return undefined
    throw thrown
  }
}
