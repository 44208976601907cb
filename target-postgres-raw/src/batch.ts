import { ProtocolError } from '@singer-io-ts/core'
import { type StagedRow, stageRow } from './copy.ts'
import { type Instant, isEarlier } from './instant.ts'
import type { Row } from './row.ts'
import { type Bytes, createSlabs, isSameBytes, type Slabs } from './slabs.ts'

/** What waits for the next commit, of all streams, in the order in which it came. */
export type Batch = {
  rows: StagedRow[]
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
  return { rows: [], slabs: createSlabs(), states: [], activations: [], bytes: 0, since: undefined }
}

export function addRow(batch: Batch, row: Row): void {
  addStaged(batch, stageRow(row, batch.slabs))
}

function addStaged(batch: Batch, row: StagedRow): void {
  batch.since ??= performance.now()
  // The rows of a page share one request.
  const request = row.requestPayload
  if (request !== undefined && request !== batch.rows.at(-1)?.requestPayload)
    batch.bytes += request.length
  batch.rows.push(row)
  batch.bytes += ROW_BYTES + row.id.length + lengthOf(row.payload) + lengthOf(row.payloadSource)
}

function lengthOf(bytes: Bytes | undefined): number {
  return bytes === undefined ? 0 : bytes.end - bytes.start
}

/** About what a row costs beside its payload. */
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

/** An activation ends its batch: what comes after it must not be there when it takes effect. */
export function isFull(batch: Batch, limits: BatchLimits): boolean {
  return (
    batch.rows.length >= limits.rows || batch.bytes >= limits.bytes || batch.activations.length > 0
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

/** Rows that a merge has settled without Postgres. */
export type Merged = { rows: StagedRow[]; settled: Map<string, Settled> }
export type Settled = { updated: number; unchanged: number; older: number; deleted: number }

type Entry = {
  record: StagedRow | undefined
  mark: StagedRow | undefined
  /** The newest time of all versions, for a repeated payload keeps the time it was first seen. */
  newest: Instant | undefined
}

/**
 * At most one record and one deletion mark for each id, as if the rows had been loaded one after
 * the other: the newest wins, of the same instant the later. A mark stands beside the record that
 * came before it, and goes with a record that came after it.
 */
export function mergeRows(rows: readonly StagedRow[]): Merged {
  const settled = new Map<string, Settled>()
  const tables = new Map<number, Map<string, Entry>>()
  let hasTwins = false
  for (const row of rows) {
    const entries = tables.get(row.table.number) ?? new Map<string, Entry>()
    tables.set(row.table.number, entries)
    const entry = entries.get(row.id)
    if (entry === undefined) {
      const isMark = row.deletedAt !== undefined
      entries.set(row.id, {
        record: isMark ? undefined : row,
        mark: isMark ? row : undefined,
        newest: row.extractedAt,
      })
      continue
    }
    hasTwins = true
    const counts = settled.get(row.stream) ?? { updated: 0, unchanged: 0, older: 0, deleted: 0 }
    settled.set(row.stream, counts)
    mergeRow(entry, row, counts)
  }
  if (!hasTwins) return { rows: [...rows], settled }
  const kept = [...tables.values()].flatMap((entries) =>
    [...entries.values()].flatMap(({ record, mark }) =>
      [record, mark].filter((row) => row !== undefined),
    ),
  )
  // In the order of the input, so that the first bad row is the first that Postgres sees.
  return { rows: kept.sort((a, b) => a.line - b.line), settled }
}

function mergeRow(entry: Entry, row: StagedRow, counts: Settled): void {
  if ((entry.record ?? entry.mark)?.exactId !== row.exactId) throw keysMeet(row)
  if (isEarlier(row.extractedAt, entry.newest)) {
    counts.older++
    if (entry.record !== undefined) raiseVersion(entry, row.version)
    return
  }
  if (isEarlier(row.deletedAt, entry.mark?.deletedAt)) {
    counts.older++
    return
  }
  entry.newest = row.extractedAt ?? entry.newest
  if (row.deletedAt !== undefined) {
    if (entry.mark !== undefined) counts.unchanged++
    entry.mark = row
    return
  }
  if (entry.mark !== undefined && !isEarlier(row.extractedAt, entry.mark.deletedAt)) {
    entry.mark = undefined
    counts.deleted++
  }
  if (entry.record === undefined) {
    entry.record = row
    return
  }
  if (isSamePayload(entry.record, row)) {
    counts.unchanged++
    if (row.version !== undefined) entry.record = { ...entry.record, version: row.version }
    return
  }
  counts.updated++
  entry.record = { ...row, version: row.version ?? entry.record.version }
}

/** Two keys that differ only in characters that Postgres cannot store. */
export function keysMeet(row: StagedRow): ProtocolError {
  return new ProtocolError(
    row.line,
    `two keys of stream '${row.stream}' would be one in Postgres, '${row.id}', ` +
      'since they differ only in characters that it cannot store',
  )
}

function isSamePayload(a: StagedRow, b: StagedRow): boolean {
  return (
    isSameBytes(a.payload, b.payload) &&
    (a.payloadSource === undefined) === (b.payloadSource === undefined)
  )
}

function raiseVersion(entry: Entry, version: string | undefined): void {
  const { record } = entry
  if (record === undefined || version === undefined) return
  if (record.version === undefined || BigInt(version) > BigInt(record.version))
    entry.record = { ...record, version }
}
