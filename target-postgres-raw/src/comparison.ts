import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { ProtocolError } from '@singer-io-ts/core'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { keptState, streamTables } from './answers.ts'
import { type Claim, claimOf, type Stretch } from './claims.ts'
import * as sql from './comparisonsql.ts'
import type { Settings } from './config.ts'
import type { Count, CountedStream } from './countinput.ts'
import type { Instant } from './instant.ts'
import { define, toStage } from './rights.ts'
import { qualified } from './sql.ts'
import { companyOf } from './store.ts'

/** What was found in one window. Totals are exact decimals as text, null where there are none. */
export type Window = {
  start: string
  end: string
  source_rows: number
  table_rows: number
  missing: number
  extra: number
  deleted: number
  stale: number
  pending: number
  source_total: string | null
  table_total: string | null
  missing_ids: string[]
  extra_ids: string[]
  stale_ids: string[]
  unreadable_ids: string[]
  /** Of the missing, those whose mark of deletion lies in the future. */
  mismarked_ids: string[]
  /** Of the stale, those whose time or total in the table is none. */
  garbled_ids: string[]
  /** So many of the pending may have moved to where only the next load finds them. */
  undecided: number
}

/** A stream as it was compared; `table` is undefined where nothing of it was ever loaded. */
export type Compared = {
  counted: CountedStream
  claim: Claim
  table?: string
  windows: Window[]
  /** So many live rows of the table changed before start_date, where QuickBooks lists nothing. */
  uncompared: number
}

/** Compares a count with the tables. Everything is seen as of one moment. */
export async function compare(
  client: pg.Client,
  count: Count,
  settings: Settings,
): Promise<Compared[]> {
  const { schema } = settings
  await define(client, sql.CREATE_COUNTED, toStage(client))
  await pipeline(createReadStream(count.file), client.query(copyFrom(sql.COPY_COUNTED)))
  await client.query(sql.ANALYZE_COUNTED)
  const state = await keptState(client, settings)
  refuseOtherCompany(state, count, settings)
  const bookmarks = JSON.parse(state) as Record<string, unknown>
  const tables = await streamTables(client, settings)
  const compared: Compared[] = []
  for (const counted of count.streams) {
    const found = tables.find(({ stream, is_there }) => stream === counted.stream && is_there)
    const name = found && qualified(schema, found.table_name)
    const claim = claimOf(bookmarks, counted.stream)
    const ask = count.begin.kind === 'rows' ? askRows : askCounts
    const held = name === undefined ? undefined : await heldIn(client, name)
    const all = await ask(client, count, counted, claim, held, settings.hardDelete)
    const table = found && { table: `${schema}.${found.table_name}` }
    compared.push({ counted, claim, ...table, ...all })
  }
  return compared
}

async function heldIn(client: pg.Client, table: string): Promise<sql.Held> {
  const { rows } = await client.query<{ type: string }>(sql.PAYLOAD_TYPE, [table])
  return { table, payloadType: rows[0]?.type === 'json' ? 'json' : 'jsonb' }
}

/** Whether a load came after the count: only then does the state reach further than that. */
function isOvertaken({ loaded, deletionsKnownTo }: Claim, { asOf }: CountedStream): boolean {
  return [...loaded.map(({ to }) => to), deletionsKnownTo ?? ''].some((to) => to > asOf)
}

function refuseOtherCompany(state: string, { begin }: Count, { stateId }: Settings): void {
  const company = companyOf(state)
  if (company === undefined || company === begin.realmId) return
  throw new ProtocolError(
    undefined,
    `the count is of company ${begin.realmId}; what is loaded under state_id '${stateId}' is of company ${company}`,
    { hint: 'Give the settings that this company was loaded with.' },
  )
}

type Found<Row> = Row & { cell: number | null }
type Answer = Pick<Compared, 'windows' | 'uncompared'>

async function askRows(
  client: pg.Client,
  { begin }: Count,
  counted: CountedStream,
  claim: Claim,
  held: sql.Held | undefined,
  hardDelete: boolean,
): Promise<Answer> {
  const { deletionsKnownTo } = claim
  const { rows } = await client.query<Found<Omit<Window, 'start' | 'end'>>>(sql.compareRows(held), [
    ...rangeOf(begin, counted),
    ...[claim.loaded, claim.unreadable, counted.holes].flatMap(bothEnds),
    deletionsKnownTo ?? '-infinity',
    hardDelete && deletionsKnownTo !== undefined && deletionsKnownTo > counted.asOf,
    isOvertaken(claim, counted),
  ])
  const windows = rows.flatMap(({ cell, ...found }) =>
    cell === null ? [] : [{ ...windowOf(cell, begin, counted), ...found }],
  )
  return { windows, uncompared: rows.find(({ cell }) => cell === null)?.table_rows ?? 0 }
}

/**
 * From counts alone: rows leave a window by being edited or deleted, and none comes into one that is
 * past. So more rows in QuickBooks than in the table, where all was loaded, are rows that are lost;
 * fewer prove nothing.
 */
async function askCounts(
  client: pg.Client,
  { begin }: Count,
  counted: CountedStream,
  claim: Claim,
  table: sql.Held | undefined,
): Promise<Answer> {
  type Held = { table_rows: number; stood: number; deleted: number; later: number }
  const { rows } = await client.query<Found<Held>>(sql.countHeld(table), rangeOf(begin, counted))
  const moved = counted.moved + rows.reduce((sum, { later }) => sum + later, 0)
  const counts = new Map(counted.windows.map((one) => [cellOf(one.start, begin), one.rows]))
  const held = new Map(rows.map((row) => [row.cell, row]))
  const cells = [...new Set([...counts.keys(), ...held.keys()])].filter((cell) => cell !== null)
  const isLate = isOvertaken(claim, counted)
  const windows = cells
    .sort((a, b) => a - b)
    .map((cell) => {
      const source = counts.get(cell) ?? 0
      const { table_rows = 0, stood = 0, deleted = 0 } = held.get(cell) ?? {}
      const window = windowOf(cell, begin, counted)
      const { start, end } = window
      const isLoaded = claim.loaded.some(
        ({ from, to }) => (from === '-infinity' || from <= start) && end <= to,
      )
      const more = isLoaded ? Math.max(0, source - stood - moved) : 0
      const missing = isLate ? 0 : more
      return {
        ...window,
        ...NOTHING,
        source_rows: source,
        table_rows,
        missing,
        deleted,
        pending: Math.abs(source - table_rows) - missing,
        undecided: more - missing,
      }
    })
  return { windows, uncompared: 0 }
}

const NOTHING = {
  extra: 0,
  stale: 0,
  source_total: null,
  table_total: null,
  missing_ids: [],
  extra_ids: [],
  stale_ids: [],
  unreadable_ids: [],
  mismarked_ids: [],
  garbled_ids: [],
}

type Begin = Count['begin']

function rangeOf({ start, windowSeconds }: Begin, counted: CountedStream): unknown[] {
  return [counted.number, start, counted.end, counted.asOf, windowSeconds]
}

function bothEnds(stretches: readonly Stretch[]): string[][] {
  return [stretches.map(({ from }) => from), stretches.map(({ to }) => to)]
}

function windowOf(
  cell: number,
  { start, windowSeconds }: Begin,
  { end }: CountedStream,
): { start: Instant; end: Instant } {
  const at = Date.parse(start) + cell * windowSeconds * 1000
  const text = (millis: number): Instant => `${new Date(millis).toISOString().slice(0, 19)}.000000Z`
  const whole = text(at + windowSeconds * 1000)
  return { start: text(at), end: whole < end ? whole : end }
}

function cellOf(start: Instant, begin: Begin): number {
  return Math.floor((Date.parse(start) - Date.parse(begin.start)) / 1000 / begin.windowSeconds)
}
