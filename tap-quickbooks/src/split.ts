import type { Log } from '@singer-io-ts/core'
import { askCount } from './asking.ts'
import { countParts, maySplit } from './cost.ts'
import { formatInstant } from './instant.ts'
import type { Plan, Run } from './plan.ts'
import { unlessPoisoned } from './poison.ts'
import { selectQuery } from './query.ts'
import type { AskedRows } from './rows.ts'
import type { Stream } from './streams.ts'
import type { Range } from './windows.ts'

/** What cutting a range needs of its run. */
type SplitParts = Pick<Run, 'config' | 'client'> &
  Pick<Plan, 'inSlot'> & {
    log: Log
    /** Is told how many rows there are; undefined where they cannot be counted. */
    onCount: (rows: number | undefined) => void
    stream: Stream
    askFor: (query: string) => Promise<AskedRows>
  }

/**
 * Cuts a large range where every part has about as many rows; costs a few calls. Gives the parts
 * behind the first cut; none when the range is to stay whole.
 */
export async function splitRange(range: Range, parts: SplitParts): Promise<Range[]> {
  const { config, client, inSlot, log, onCount, stream, askFor } = parts
  if (!maySplit(config)) return []
  const counted = await inSlot(() => unlessPoisoned(askCount(client, stream, range), undefined))
  onCount(counted)
  const rows = counted ?? 0
  const count = countParts(rows, config)
  if (count < 2) return []
  log.debug(`${stream.name}: ${rows} rows from ${formatInstant(range.start)} on, ${count} parts`)
  const firsts = await Promise.all(
    Array.from({ length: count - 1 }, (_, part) => {
      const startPosition = Math.floor((rows * (part + 1)) / count) + 1
      const query = selectQuery(stream, range, { startPosition, maxResults: 1 })
      const first = async () => (await askFor(query)).rows[0]?.at ?? range.end
      return inSlot(() => unlessPoisoned(first(), range.end))
    }),
  )
  const cuts = new Set(firsts.filter((at) => at > range.start && at < range.end))
  const starts = [...cuts].sort((a, b) => a - b)
  return starts.map((start, index) => ({ start, end: starts[index + 1] ?? range.end }))
}
