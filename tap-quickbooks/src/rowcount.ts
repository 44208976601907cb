import type { Client } from './client.ts'
import { strangeAnswer } from './errors.ts'
import { countQuery } from './query.ts'
import type { Stream } from './streams.ts'
import type { Range } from './windows.ts'

/** How many rows changed within the range. One metered call. */
export async function askCount(client: Client, stream: Stream, range: Range): Promise<number> {
  const answer = await client.get({
    stream: stream.name,
    endpoint: 'query',
    path: 'query',
    parameters: { query: countQuery(stream, range), minorversion: '75' },
    member: 'QueryResponse',
  })
  const count = (answer.json.QueryResponse as { totalCount?: unknown }).totalCount
  if (typeof count !== 'number') throw strangeAnswer('the answer to count(*) has no totalCount')
  return count
}
