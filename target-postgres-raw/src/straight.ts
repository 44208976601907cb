import type pg from 'pg'
import { type StagedRow, toTable } from './copy.ts'
import { copyRows } from './copying.ts'
import { codeOf } from './errors.ts'
import type { TableRows } from './rounds.ts'
import * as sql from './sql.ts'

const UNIQUE_VIOLATION = '23505'

/**
 * Copies the rows of one table straight into it where all of them are new: a first load then costs
 * Postgres half of what it does by way of the staging table. Gives how many there were; undefined
 * where they must be staged, and then nothing was done.
 */
export async function copyStraight(
  client: pg.Client,
  { table, rounds }: TableRows,
  batch: readonly StagedRow[],
): Promise<number | undefined> {
  if (rounds.length > 1 || rounds[0]?.marks !== 0) return undefined
  const rows = batch.filter((row) => row.table === table)
  const { rows: found } = await client.query<{ now: string }>(
    sql.mayCopy(table.qualified, table.payloadType),
    [table.qualified, rows.map(({ id }) => id)],
  )
  const now = found[0]?.now
  if (now === undefined) return undefined
  await client.query('savepoint straight')
  try {
    const statement = sql.copyInto(table.qualified)
    await copyRows(client, statement, rows, toTable(now), table.name)
    // A batch may hold thousands of tables.
    await client.query('release savepoint straight')
    return rows.length
  } catch (thrown) {
    // Another program, which knows nothing of our locks, has just written one of them.
    if (codeOf(thrown) !== UNIQUE_VIOLATION) throw thrown
    await client.query('rollback to savepoint straight')
    return undefined
  }
}
