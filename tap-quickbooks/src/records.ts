import {
  type CatalogStream,
  deselectedProperties,
  formatRecord,
  objectMembers,
  withMembers,
  withoutMembers,
} from '@singer-io-ts/core'
import { type Row, rowText } from './answer.ts'
import { formatInstant } from './instant.ts'
import { AUTOMATIC } from './streams.ts'
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

/** Makes the RECORD lines of a stream. Rows pass through as text, digits and all. */
export function createRecordFormat(
  entry: CatalogStream,
): (row: Row, origin: Origin, version: number | undefined) => string {
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
    const whole = rowText(row)
    const text =
      deselected.size === 0
        ? whole
        : withoutMembers(whole, objectMembers(whole).members, deselected)
    const deleted = row.isDeleted ? `"_sdc_deleted_at":"${formatInstant(row.at)}",` : ''
    return formatRecord(entry.stream, withMembers(text, deleted + members), {
      version,
      timeExtracted: origin.time,
    })
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
