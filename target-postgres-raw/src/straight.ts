import type pg from 'pg'
import { toMicroseconds } from './binary.ts'
import { headOf } from './copy.ts'
import { copyRows } from './copying.ts'
import { copyInto, mayCopy } from './copysql.ts'
import { codeOf } from './errors.ts'
import type { Instant } from './instant.ts'
import type { TableRows } from './rounds.ts'
import type { Table } from './table.ts'

/** SQLSTATEs of a constraint that does not let a row in: unique, check, exclusion and the like. */
const CONSTRAINT = /^23...$/

/** Tables of which the last batch was all new, and those that were taken for such in vain. */
const habits = new WeakMap<Table, 'new' | 'mixed'>()

/**
 * Copies rows straight into their table where all of them are new: a first load then costs Postgres
 * half of what it does by way of the staging table. Gives the tables that have theirs; the others'
 * must be staged. `onTable` is told which one is loaded.
 */
export async function copyStraight(
  client: pg.Client,
  tables: readonly TableRows[],
  onTable: (table: Table) => void,
): Promise<ReadonlySet<TableRows>> {
  const loaded = new Set<TableRows>()
  let first = 'savepoint straight;'
  for (const found of tables) {
    const { table, rounds, rows } = found
    if (rounds.length > 1 || rounds[0]?.marks !== 0) continue
    onTable(table)
    const now = await askWhetherNew(client, found, first)
    first = ''
    if (now === undefined) continue
    const head = headOf(toMicroseconds(now))
    try {
      await copyRows(client, copyInto(table.qualified), rows, () => head, table.name)
    } catch (thrown) {
      // One of them is there after all; perhaps a program that knows nothing of our locks wrote it.
      // Another constraint speaks first, and the row may be one that is to be left as it is.
      if (!CONSTRAINT.test(codeOf(thrown) ?? '')) throw thrown
      habits.set(table, 'mixed')
      await client.query('rollback to savepoint straight')
      return new Set()
    }
    if (!habits.has(table)) habits.set(table, 'new')
    loaded.add(found)
  }
  return loaded
}

const SAMPLE = 100

/**
 * The time of the transaction if the rows may be tried. A try in vain leaves dead rows behind: so
 * all ids are looked up where of some none is there, until a batch was all new; then some ids of
 * each, until a try was in vain. `first` is sent before.
 */
async function askWhetherNew(
  client: pg.Client,
  { table, rows }: TableRows,
  first: string,
): Promise<Instant | undefined> {
  const sampled = Math.ceil(rows.length / SAMPLE)
  const steps = habits.get(table) === 'new' || sampled === 1 ? [sampled] : [sampled, 1]
  let now: Instant | undefined
  for (const step of steps) {
    const ids = rows.filter((_, n) => n % step === 0).map(({ id }) => id)
    const question = mayCopy(table.qualified, table.payloadType, ids)
    type Answer = { rows: { now: Instant; may_copy: boolean }[] }
    // With two statements there are two answers.
    const answers = (await client.query(first + question)) as unknown as Answer | Answer[]
    const found = [answers].flat().at(-1)?.rows[0]
    if (found?.may_copy !== true) return undefined
    now = found.now
    first = ''
  }
  return now
}
