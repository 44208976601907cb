import { ProtocolError } from '@singer-io-ts/core'
import { type StagedRow, stageRow } from './copy.ts'
import type { Instant } from './instant.ts'
import type { Row } from './row.ts'
import { createSlabs, type Slabs } from './slabs.ts'

/** What waits for the next commit, of all streams, in the order in which it came. */
export type Batch = {
  rows: StagedRow[]
  /** By table and id the last row that came. */
  latest: Map<number, Map<string, StagedRow>>
  /** How often one id came at the most: so many rounds the load takes. */
  rounds: number
  slabs: Slabs
  /** Only the last is printed; the others serve when the batch must be cut before a bad line. */
  states: { line: number; text: string }[]
  activations: Activation[]
  bytes: number
  /** When the first of it came, by performance.now(). */
  since: number | undefined
}

/** An ACTIVATE_VERSION: rows of another version are no longer part of the stream. */
export type Activation = {
  line: number
  stream: string
  version: string
  /** The newest `time_extracted` that the stream had until then. */
  at: Instant | undefined
}

export type BatchLimits = { rows: number; bytes: number }

export function emptyBatch(): Batch {
  return {
    rows: [],
    latest: new Map(),
    rounds: 0,
    slabs: createSlabs(),
    states: [],
    activations: [],
    bytes: 0,
    since: undefined,
  }
}

/**
 * Rows of one id are loaded one after the other, each in a round of its own, so that it does not
 * matter which of them share a batch.
 */
export function addRow(batch: Batch, row: Row): void {
  const latest = batch.latest.get(row.table.number) ?? new Map<string, StagedRow>()
  batch.latest.set(row.table.number, latest)
  const before = latest.get(row.id)
  if (before !== undefined && before.exactId !== row.exactId) throw keysMeet(row)
  const staged = stageRow(row, batch.slabs, (before?.round ?? 0) + 1)
  latest.set(row.id, staged)
  addStaged(batch, staged)
}

function addStaged(batch: Batch, row: StagedRow): void {
  batch.since ??= performance.now()
  batch.rounds = Math.max(batch.rounds, row.round)
  batch.rows.push(row)
  batch.bytes += ROW_BYTES + row.end - row.start
}

/** About what a row costs beside the bytes of its columns. */
const ROW_BYTES = 100

export function addState(batch: Batch, line: number, text: string): void {
  batch.since ??= performance.now()
  batch.states.push({ line, text })
  batch.bytes += text.length
}

export function addActivation(batch: Batch, activation: Activation): void {
  batch.since ??= performance.now()
  batch.activations.push(activation)
}

export function isEmpty(batch: Batch): boolean {
  return batch.since === undefined
}

/** Each round reads what waits for all of them, so many would be slower than another batch. */
const MAX_ROUNDS = 100

/** Each table takes about five locks, of which a server as it comes has some 7,000 for all. */
const MAX_TABLES = 500

/** An activation ends its batch: what comes after it must not be there when it takes effect. */
export function isFull(batch: Batch, limits: BatchLimits): boolean {
  return (
    batch.rows.length >= limits.rows ||
    batch.bytes >= limits.bytes ||
    batch.rounds >= MAX_ROUNDS ||
    batch.latest.size >= MAX_TABLES ||
    batch.activations.length > 0
  )
}

/** The part that came before a line; it lives in the memory of the whole. */
export function cutBefore(batch: Batch, line: number): Batch {
  const cut = emptyBatch()
  for (const row of batch.rows) if (row.line < line) addStaged(cut, row)
  for (const state of batch.states) if (state.line < line) addState(cut, state.line, state.text)
  for (const activation of batch.activations)
    if (activation.line < line) addActivation(cut, activation)
  return cut
}

/** Two keys that differ only in characters that Postgres cannot store. */
export function keysMeet(row: Pick<Row, 'line' | 'stream' | 'id'>): ProtocolError {
  return new ProtocolError(
    row.line,
    `two keys of stream '${row.stream}' would be one in Postgres, '${row.id}', ` +
      'since they differ only in characters that it cannot store',
  )
}
