import {
  type CatalogStream,
  deselectedProperties,
  formatRecord,
  formatRecordBytes,
  objectMembers,
  withMembers,
  withoutMembers,
} from '@singer-io-ts/core'
import { type Row, rowBytes, rowText } from './answer.ts'
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
): (row: Row, origin: Origin, version: number | undefined) => string | (string | Uint8Array)[] {
  const known = stream.schema.properties as Record<string, unknown>
  const deselected = deselectedProperties(entry)
  // A catalog that says nothing of inclusion could deselect them.
  for (const name of AUTOMATIC) deselected.delete(name)
  let lastOrigin: Origin | undefined
  let members = ''
  return (row, origin, version) => {
    if (origin !== lastOrigin) {
      lastOrigin = origin
      members = originMembers(origin)
    }
    for (const name of row.members)
      if (!Object.hasOwn(known, name)) strange.set(name, (strange.get(name) ?? 0) + 1)
    const deleted = row.isDeleted ? `"_sdc_deleted_at":"${formatInstant(row.at)}",` : ''
    const options = { version, timeExtracted: origin.time }
    if (row.isOneLine && deselected.size === 0)
      return formatRecordBytes(entry.stream, rowBytes(row), deleted + members, options)
    const whole = rowText(row)
    const text =
      deselected.size === 0
        ? whole
        : withoutMembers(whole, objectMembers(whole).members, deselected)
    return formatRecord(entry.stream, withMembers(text, deleted + members), options)
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
