import { formatInstant } from './instant.ts'
import type { Stream } from './streams.ts'
import type { Range } from './windows.ts'

/** Where in the ordered rows of a range an answer begins, and how many rows it may hold. */
export type PageRequest = { startPosition: number; maxResults: number }

/** The rows that changed within the range, oldest change first. Bounds go as UTC with Z. */
export function selectQuery(stream: Stream, range: Range, page: PageRequest): string {
  return (
    `select * from ${stream.entity} where ${changedWithin(stream, range)} ` +
    `ORDERBY MetaData.LastUpdatedTime ` +
    `STARTPOSITION ${page.startPosition} MAXRESULTS ${page.maxResults}`
  )
}

/** The rows that changed last within the range, the last change first. */
export function newestQuery(stream: Stream, range: Range, count: number): string {
  return (
    `select * from ${stream.entity} where ${changedWithin(stream, range)} ` +
    `ORDERBY MetaData.LastUpdatedTime DESC STARTPOSITION 1 MAXRESULTS ${count}`
  )
}

/** Which rows these are, without what is in them. */
export function namesQuery(stream: Stream, range: Range, page: PageRequest): string {
  return selectQuery(stream, range, page).replace('*', 'Id, MetaData.LastUpdatedTime')
}

/** How many rows changed within the range. */
export function countQuery(stream: Stream, range: Range): string {
  return `select count(*) from ${stream.entity} where ${changedWithin(stream, range)}`
}

function changedWithin(stream: Stream, range: Range): string {
  // Name lists hide inactive rows from a query that does not ask for them.
  const active = stream.hasActive ? ' AND Active IN (true,false)' : ''
  return (
    `MetaData.LastUpdatedTime >= '${formatInstant(range.start)}' ` +
    `AND MetaData.LastUpdatedTime < '${formatInstant(range.end)}'${active}`
  )
}
