import { answerTime } from './answer.ts'
import type { Call, Client } from './client.ts'
import { strangeAnswer } from './errors.ts'
import { formatInstant } from './instant.ts'
import { countQuery } from './query.ts'
import { type AskedRows, readQueryRows } from './rows.ts'
import type { Stream } from './streams.ts'
import type { Range } from './windows.ts'

/**
 * The rows that a query brings. One metered call. `isSearch`: a refusal for which a row may be the
 * cause is what is looked for.
 */
export async function askRows(
  client: Client,
  stream: Stream,
  query: string,
  isSearch: boolean,
): Promise<AskedRows> {
  const answer = await client.get({ ...callOf(stream, query), isSearch })
  return { rows: readQueryRows(answer, stream.entity), query, time: answerTime(answer) }
}

/** How many rows changed within the range. One metered call. */
export async function askCount(client: Client, stream: Stream, range: Range): Promise<number> {
  const answer = await client.get(callOf(stream, countQuery(stream, range)))
  const count = (answer.json.QueryResponse as { totalCount?: unknown }).totalCount
  if (typeof count !== 'number') throw strangeAnswer('the answer to count(*) has no totalCount')
  return count
}

/** What is said of a count that no answer bears out. */
export function miscount(stream: Stream, range: Range, counted: number, found: number): string {
  return (
    `${stream.name}: QuickBooks counts ${counted} rows from ${formatInstant(range.start)} on and ` +
    `gives ${found}; "count --rows" and "target-postgres-raw verify" tell whether one is missing`
  )
}

function callOf(stream: Stream, query: string): Call {
  return {
    stream: stream.name,
    endpoint: 'query',
    path: 'query',
    parameters: { query, minorversion: '75' },
    member: 'QueryResponse',
  }
}
