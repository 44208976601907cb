import {
  type CatalogStream,
  deselectedProperties,
  formatRecord,
  objectMembers,
  type RecordFrame,
  recordFrame,
  withMembers,
  withoutMembers,
} from '@singer-io-ts/core'
import { type Row, rowText } from './answer.ts'
import { formatInstant } from './instant.ts'
import { AUTOMATIC, type Stream } from './streams.ts'
import type { Range } from './windows.ts'

/** The request that returned a row. */
export type Origin = {
  window: Range
  pageNumber: number
  /** MAXRESULTS as asked; for change data capture the most that an answer may hold. */
  pageSize: number
  path: string
  query: string
  /** The answer's time, UTC. */
  time: string | undefined
}

/**
 * Makes the RECORD lines of a stream. Rows pass through as text, digits and all. `strange` counts
 * the members that the stream's schema does not name; they pass through too.
 */
export function createRecordFormat(
  stream: Stream,
  entry: CatalogStream,
  strange: Map<string, number>,
): (row: Row, origin: Origin, version: number | undefined) => string | readonly Uint8Array[] {
  const deselected = deselectedProperties(entry)
  // A catalog that says nothing of inclusion could deselect them.
  for (const name of AUTOMATIC) deselected.delete(name)
  const strangersOf = findStrangers(stream)
  /** What the rows of one answer have in common. */
  let last:
    | { origin: Origin; version?: number | undefined; more: string; frame: RecordFrame }
    | undefined
  return (row, origin, version) => {
    // A line without its row would go out.
    if (row.source.length < row.end) throw new Error(`the answer with row ${row.id} is gone`)
    for (const name of strangersOf(row.members)) strange.set(name, (strange.get(name) ?? 0) + 1)
    const options = { version, timeExtracted: origin.time }
    if (last?.origin !== origin || last.version !== version) {
      const more = originMembers(origin)
      last = { origin, version, more, frame: recordFrame(entry.stream, more, options) }
    }
    const deleted = row.isDeleted ? `"_sdc_deleted_at":"${formatInstant(row.at)}",` : ''
    const more = deleted + last.more
    if (row.isOneLine && deselected.size === 0) {
      const { head, tail } = deleted === '' ? last.frame : recordFrame(entry.stream, more, options)
      return [head, row.source.subarray(row.start, row.end - 1), tail]
    }
    const whole = rowText(row)
    const text =
      deselected.size === 0
        ? whole
        : withoutMembers(whole, objectMembers(whole).members, deselected)
    return formatRecord(entry.stream, withMembers(text, more), options)
  }
}

/** Gives the members that the stream's schema does not name. Lists of members come again and again. */
function findStrangers(stream: Stream): (members: readonly string[]) => readonly string[] {
  const properties = stream.schema.properties as Record<string, unknown>
  const known = new WeakMap<readonly string[], readonly string[]>()
  return (members) => {
    let strangers = known.get(members)
    if (strangers === undefined) {
      strangers = members.filter((name) => !Object.hasOwn(properties, name))
      known.set(members, strangers)
    }
    return strangers
  }
}

function originMembers(origin: Origin): string {
  const request = { method: 'GET', path: origin.path, query: origin.query }
  return (
    `"_sdc_extract_window_start_utc":"${formatInstant(origin.window.start)}",` +
    `"_sdc_extract_window_end_utc":"${formatInstant(origin.window.end)}",` +
    `"_sdc_page_number":${origin.pageNumber},"_sdc_page_size":${origin.pageSize},` +
    `"_sdc_request_payload":${JSON.stringify(request)}`
  )
}
