import type pg from 'pg'
import { toMicroseconds } from './binary.ts'
import { headOf, type StagedRow } from './copy.ts'
import { copyRows } from './copying.ts'
import { codeOf } from './errors.ts'
import type { TableRows } from './rounds.ts'
import * as sql from './sql.ts'
import type { Table } from './table.ts'

const UNIQUE_VIOLATION = '23505'

/** Tables of which the last batch was all new, and those that were taken for such in vain. */
const habits = new WeakMap<Table, 'new' | 'mixed'>()

/**
 * Copies the rows of one table straight into it where all of them are new: a first load then costs
 * Postgres half of what it does by way of the staging table. Gives how many there were; undefined
 * where they must be staged, and then nothing was done.
 */
export async function copyStraight(
  client: pg.Client,
  { table, rounds, rows }: TableRows,
): Promise<number | undefined> {
  if (rounds.length > 1 || rounds[0]?.marks !== 0) return undefined
  const { rows: found } = await client.query<{ now: string }>(
    sql.mayCopy(table.qualified, table.payloadType),
    [table.qualified, idsToLookUp(table, rows)],
  )
  const now = found[0]?.now
  if (now === undefined) return undefined
  const head = headOf(toMicroseconds(now))
  await client.query('savepoint straight')
  try {
    await copyRows(client, sql.copyInto(table.qualified), rows, () => head, table.name)
    // A batch may hold thousands of tables.
    await client.query('release savepoint straight')
    if (!habits.has(table)) habits.set(table, 'new')
    return rows.length
  } catch (thrown) {
    // One of them is there, or another program, which knows nothing of our locks, has just written it.
    if (codeOf(thrown) !== UNIQUE_VIOLATION) throw thrown
    habits.set(table, 'mixed')
    await client.query('rollback to savepoint straight')
    return undefined
  }
}

const SAMPLE = 100

/**
 * A try in vain leaves dead rows behind. So all ids are looked up, until a batch was all new: then
 * some of each, until a try was in vain.
 */
function idsToLookUp(table: Table, rows: readonly StagedRow[]): string[] {
  const step = habits.get(table) === 'new' ? Math.ceil(rows.length / SAMPLE) : 1
  return rows.filter((_, n) => n % step === 0).map(({ id }) => id)
}
