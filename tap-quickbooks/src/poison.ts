import { QuickbooksError } from './errors.ts'
import { formatInstant } from './instant.ts'
import type { PageRequest } from './query.ts'
import type { AskedRows } from './rows.ts'
import type { Stream } from './streams.ts'
import type { Range } from './windows.ts'

/** A row that QuickBooks cannot give out; it changed last in between these instants. */
export type Unreadable = { id: string | undefined; changed: Range; fault: QuickbooksError }

/** So many rows that QuickBooks cannot give out, in one stretch, are enough: what is behind waits. */
const MOST_UNREADABLE = 1000

/** QueryProcessingError, Object Not Found: what QuickBooks says of a stored row that is invalid. */
const CODES = new Set(['4002', '610'])

/**
 * Whether one row in the answer may be why QuickBooks refuses all of it. A system fault (10000)
 * is such a case where it blames the request or what the request is about; else it is QuickBooks
 * itself that is down.
 */
export function isPoisoned(thrown: unknown): thrown is QuickbooksError {
  if (!(thrown instanceof QuickbooksError)) return false
  const { faultCode = '', status, message } = thrown
  if (faultCode === '10000') return status === 400 || /made inactive/i.test(message)
  return CODES.has(faultCode)
}

/** Reads what can be read of a range, in ever smaller pages; gives why each of the others cannot. */
export async function* readPieces(
  range: Range,
  pageSize: number,
  ask: (range: Range, page: PageRequest) => Promise<AskedRows>,
): AsyncGenerator<{ answer: AskedRows; pageSize: number }, QuickbooksError[], void> {
  const faults: QuickbooksError[] = []
  let maxResults = Math.min(pageSize, 4)
  for (let startPosition = 1; ; ) {
    try {
      const answer = await ask(range, { startPosition, maxResults })
      if (answer.rows.length === 0) return faults
      yield { answer, pageSize: maxResults }
      startPosition += answer.rows.length
      maxResults = Math.min(pageSize, maxResults * 2)
    } catch (thrown) {
      if (!isPoisoned(thrown)) throw thrown
      if (maxResults > 1) maxResults = Math.floor(maxResults / 2)
      else {
        faults.push(thrown)
        if (faults.length >= MOST_UNREADABLE) return faults
        startPosition++
      }
    }
  }
}

/** An answer, or this instead of one that a single row may keep from coming. */
export async function unlessPoisoned<T>(answer: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await answer
  } catch (thrown) {
    if (isPoisoned(thrown)) return otherwise
    throw thrown
  }
}

/** What is said of rows that are left out. */
export function unreadableError(stream: Stream, rows: readonly Unreadable[]): QuickbooksError {
  const names = rows.map(
    ({ id, changed: { start, end } }) =>
      `${stream.entity} ${id ?? 'of unknown Id'}, last changed ` +
      (end - start === 1
        ? formatInstant(start)
        : `between ${formatInstant(start)} and ${formatInstant(end)}`),
  )
  const { message = '', status, faultCode } = rows[0]?.fault ?? {}
  return new QuickbooksError(
    `${rows.length} ${rows.length === 1 ? 'row' : 'rows'} cannot be read (${names.join('; ')}): ` +
      `${message}`,
    { status, faultCode },
    {
      hint:
        'All other rows are read. Open and save what is named in QuickBooks, or ask Intuit with ' +
        'the intuit_tid; the state keeps its time open, so that every run asks for it again.',
    },
  )
}
