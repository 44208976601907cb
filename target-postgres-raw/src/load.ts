import { objectMembers } from '@singer-io-ts/core'
import type pg from 'pg'
import { keysMeet } from './batch.ts'
import { placeOf, type StagedRow } from './copy.ts'
import { LoadError } from './errors.ts'
import type { Round } from './rounds.ts'
import { makeId } from './row.ts'
import * as sql from './sql.ts'
import type { Table } from './table.ts'

/** What a commit did to one stream. */
export type Counts = {
  inserted: number
  updated: number
  unchanged: number
  older: number
  deleted: number
}

export function zeroCounts(): Counts {
  return { inserted: 0, updated: 0, unchanged: 0, older: 0, deleted: 0 }
}

/** Takes the staged rows of one table, each id once, into the table. */
export async function loadRound(
  client: pg.Client,
  table: Table,
  round: Round,
  hardDelete: boolean,
  counts: Counts,
): Promise<void> {
  if (round.records > 0) await loadRecords(client, table, round, counts)
  if (round.marks > 0) await loadMarks(client, table, round, hardDelete, counts)
}

async function loadRecords(
  client: pg.Client,
  table: Table,
  { number, records }: Round,
  counts: Counts,
): Promise<void> {
  const values = [placeOf(table, number)]
  const comparison = sql.compare(table.qualified, table.payloadType)
  type Standing = { changed: number; older: number; noted: number }
  const { rows: found } = await client.query<Standing>(comparison, values)
  const { changed, older: known, noted } = found[0] as Standing
  let written = 0
  if (changed > 0) {
    const statement = sql.upsert(table.qualified, table.payloadType, number === 1)
    type Written = { inserted: number; updated: number }
    const { rows } = await client.query<Written>(statement, values)
    const { inserted, updated } = rows[0] as Written
    counts.inserted += inserted
    counts.updated += updated
    written = inserted + updated
  }
  const rest = records - written
  if (rest === 0) return
  const isDone = written === changed && noted === 0
  const older = isDone
    ? known
    : await countOlder(client, sql.noteRest(table.qualified), table, number)
  counts.older += older
  counts.unchanged += rest - older
}

async function loadMarks(
  client: pg.Client,
  table: Table,
  { number, marks }: Round,
  isHard: boolean,
  counts: Counts,
): Promise<void> {
  const statement = isHard
    ? sql.hardDelete(table.qualified)
    : sql.mark(table.qualified, table.payloadType)
  const { rows } = await client.query<{ deleted: number }>(statement, [placeOf(table, number)])
  const deleted = rows[0]?.deleted ?? 0
  counts.deleted += deleted
  if (deleted === marks) return
  const rest = sql.restOfMarks(table.qualified, isHard)
  const older = await countOlder(client, rest, table, number)
  counts.older += older
  counts.unchanged += marks - deleted - older
}

/** How many were older than what is stored. Throws where something else kept them out. */
async function countOlder(
  client: pg.Client,
  statement: string,
  table: Table,
  round: number,
): Promise<number> {
  type Rest = { older: number; kept_out: number }
  const { rows } = await client.query<Rest>(statement, [placeOf(table, round)])
  const { older, kept_out: keptOut } = rows[0] ?? { older: 0, kept_out: 0 }
  if (keptOut === 0) return older
  const { stream, name } = table
  throw new LoadError(
    `${keptOut} records of stream '${stream}' changed nothing in table '${name}': a trigger or a policy of it keeps them out`,
    { stream, table: name },
  )
}

/** A key with replaced characters must not land on the row of another key. */
export async function refuseMeetingKeys(
  client: pg.Client,
  table: Table,
  rows: readonly StagedRow[],
): Promise<void> {
  if (table.keyProperties.length === 0) return
  const doubtful = new Map<string, StagedRow>()
  for (const row of rows)
    if (row.table === table && row.id.includes('\ufffd')) doubtful.set(row.id, row)
  if (doubtful.size === 0) return
  const { rows: stored } = await client.query<{ id: string; source: string | null }>(
    `select id, coalesce(payload_source${table.payloadType === 'json' ? ', payload::text' : ''}) as source
       from ${table.qualified} where id = any($1)`,
    [[...doubtful.keys()]],
  )
  for (const { id, source } of stored) {
    const row = doubtful.get(id)
    if (row !== undefined && exactIdOf(source, id, row, table) !== row.exactId) throw keysMeet(row)
  }
}

function exactIdOf(source: string | null, id: string, row: StagedRow, table: Table): string {
  if (source === null) return id
  const { members } = objectMembers(source)
  return makeId({ stream: row.stream, line: row.line, text: source, members }, table.keyProperties)
}
