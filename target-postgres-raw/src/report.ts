import type { Log } from '@singer-io-ts/core'
import type { Counts } from './load.ts'
import type { Streams } from './streams.ts'

/** Adds what a commit did to what the run did. */
export function addCounts(streams: Streams, counts: ReadonlyMap<string, Counts>): void {
  for (const [name, added] of counts) {
    const stream = streams.find(name)
    if (stream === undefined) continue
    for (const kind of Object.keys(added) as (keyof Counts)[]) stream.counts[kind] += added[kind]
  }
}

/** The end of a run: a line and a metric for each stream. */
export function reportEnd(streams: Streams, log: Log, seconds: number, isGood: boolean): void {
  for (const { name, counts, table, replaced } of streams.all()) {
    const parts = Object.entries(counts).map(([kind, count]) => `${kind} ${count}`)
    log.info(`stream '${name}' (${table.name}): ${parts.join(', ')}`, { stream: name })
    if (replaced > 0)
      log.info(`stream '${name}': characters were replaced in ${replaced} records`, {
        stream: name,
      })
    const value = Object.values(counts).reduce((sum, count) => sum + count, 0)
    log.metric({ type: 'counter', metric: 'record_count', value, tags: { stream: name } })
  }
  const status = isGood ? 'succeeded' : 'failed'
  const value = Math.round(seconds * 1000) / 1000
  log.metric({ type: 'timer', metric: 'job_duration', value, tags: { status } })
}
