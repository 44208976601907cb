import type { Row } from './answer.ts'
import { QuickbooksError } from './errors.ts'
import { formatInstant } from './instant.ts'
import type { Range } from './windows.ts'

/** What reading page by page asks of the rows of one answer. */

/** A row that comes twice in one answer takes up one position only. */
export function dropRepeats(rows: readonly Row[]): readonly Row[] {
  const seen = new Set<string>()
  return rows.filter((row) => {
    const key = `${row.at} ${row.id}`
    return !seen.has(key) && seen.add(key)
  })
}

/** Reading on from the last row is only right when rows come in order and from the range asked. */
export function checkOrder(rows: readonly Row[], asked: Range): void {
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

export function isNewestFirst(rows: readonly Row[]): boolean {
  return rows.every(({ at }, n) => n === 0 || at <= (rows[n - 1] as Row).at)
}

/** Not in the generator that calls it: a loop over rows would get all of that compiled, a tenth of a second. */
export function addIds(known: Set<string>, rows: readonly Row[], at: number): void {
  for (const row of rows) if (row.at === at) known.add(row.id)
}

export function lastIds(rows: readonly Row[], count: number): string[] {
  return rows.slice(-count).map((row) => row.id)
}

export function noProgress(second: number): QuickbooksError {
  return new QuickbooksError(
    `the rows of ${formatInstant(second)} cannot be read to their end: answers bring nothing new`,
    {},
    { hint: 'They are edited faster than they can be read, or STARTPOSITION is ignored.' },
  )
}
