import { answerTime } from './answer.ts'
import type { Call, Client } from './client.ts'
import { strangeAnswer } from './errors.ts'
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

function callOf(stream: Stream, query: string): Call {
  return {
    stream: stream.name,
    endpoint: 'query',
    path: 'query',
    parameters: { query, minorversion: '75' },
    member: 'QueryResponse',
  }
}
