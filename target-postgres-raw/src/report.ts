import type { Log, StreamProgress } from '@singer-io-ts/core'
import { type Counts, zeroCounts } from './load.ts'
import type { Load } from './store.ts'
import type { Streams } from './streams.ts'

/** What a run did, by stream. */
export type Report = {
  /** Adds what a commit did. */
  add(loads: ReadonlyMap<string, Load>): void
  /** What is committed so far. */
  progress(): StreamProgress[]
  /** The end of the run: a line and a metric for each stream. */
  print(streams: Streams, seconds: number, isGood: boolean): void
}

type Total = { table: string; counts: Counts }

export function createReport(log: Log): Report {
  const totals = new Map<string, Total>()

  return {
    add(loads) {
      for (const [stream, { table, counts }] of loads) {
        const total = totals.get(stream) ?? { table, counts: zeroCounts() }
        totals.set(stream, total)
        for (const kind of Object.keys(counts) as (keyof Counts)[])
          total.counts[kind] += counts[kind]
      }
    },

    progress: () =>
      [...totals].map(([stream, { counts }]) => ({ stream, rows_committed: sumOf(counts) })),

    print(streams, seconds, isGood) {
      const all = new Map<string, Total>()
      for (const { name, table } of streams.all())
        all.set(name, { table: table.name, counts: zeroCounts() })
      // Also those without a SCHEMA, which an ACTIVATE_VERSION does not need.
      for (const [stream, total] of totals) all.set(stream, total)
      for (const [stream, { table, counts }] of all) {
        const parts = Object.entries(counts).map(([kind, count]) => `${kind} ${count}`)
        log.info(`stream '${stream}' (${table}): ${parts.join(', ')}`, { stream })
        const replaced = streams.find(stream)?.replaced ?? 0
        if (replaced > 0)
          log.info(`stream '${stream}': characters were replaced in ${replaced} records`, {
            stream,
          })
        const value = sumOf(counts)
        log.metric({ type: 'counter', metric: 'record_count', value, tags: { stream } })
      }
      const status = isGood ? 'succeeded' : 'failed'
      const value = Math.round(seconds * 1000) / 1000
      log.metric({ type: 'timer', metric: 'job_duration', value, tags: { status } })
    },
  }
}

function sumOf(counts: Counts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}
