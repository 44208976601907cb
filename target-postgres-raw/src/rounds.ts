import type { StagedRow } from './copy.ts'
import type { Instant } from './instant.ts'
import type { Table } from './table.ts'

/** What waits for one table of rows that each have an id of their own; from number 1 on. */
export type Round = { number: number; records: number; marks: number }

export type TableRows = {
  table: Table
  rows: StagedRow[]
  rounds: Round[]
  windowStart: Instant | undefined
  windowEnd: Instant | undefined
}

/** The rows of a batch by table, the tables in the order of their names. */
export function byTable(rows: readonly StagedRow[]): TableRows[] {
  const tables = new Map<number, TableRows>()
  for (const row of rows) {
    let found = tables.get(row.table.number)
    if (found === undefined) {
      found = {
        table: row.table,
        rows: [],
        rounds: [],
        windowStart: undefined,
        windowEnd: undefined,
      }
      tables.set(row.table.number, found)
    }
    found.rows.push(row)
    // The one before has come already.
    found.rounds[row.round - 1] ??= { number: row.round, records: 0, marks: 0 }
    const round = found.rounds[row.round - 1] as Round
    if (row.isMark) round.marks++
    else round.records++
    const { windowStart: start, windowEnd: end } = row
    if (start !== undefined && !(found.windowStart !== undefined && found.windowStart <= start))
      found.windowStart = start
    if (end !== undefined && !(found.windowEnd !== undefined && found.windowEnd >= end))
      found.windowEnd = end
  }
  return [...tables.values()].sort((a, b) => (a.table.name < b.table.name ? -1 : 1))
}
