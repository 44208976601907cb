import { alignColumns, formatCount, formatDuration } from '@singer-io-ts/core'
import { emptyTally, type StreamTally, type Tally } from './metrics.ts'

const COUNTS = ['rows', 'loaded', 'calls', 'windows'] as const

/** The end table, a line each: what is known per stream and in all. `seconds` is the whole run. */
export function formatEndTable(streams: Tally['streams'], seconds: number): string[] {
  const total = emptyTally()
  for (const tally of streams.values())
    for (const count of COUNTS)
      if (tally[count] !== undefined) total[count] = (total[count] ?? 0) + tally[count]
  // A target that counts nothing would fill a column with dashes.
  const counts = COUNTS.filter((count) => count !== 'loaded' || total.loaded !== undefined)
  const row = (name: string, tally: StreamTally): string[] => [
    name,
    ...counts.map((count) => formatCount(tally[count])),
    formatDuration(tally.seconds),
  ]
  return alignColumns([
    ['stream', ...counts, 'duration'],
    ...[...streams]
      .filter(isShown)
      .map(([name, tally]) => row(name === '' ? '(shared)' : name, tally)),
    row('total', { ...total, seconds }),
  ])
}

/** Not everything that is measured is a column. */
function isShown([, tally]: [string, StreamTally]): boolean {
  return tally.seconds !== undefined || COUNTS.some((count) => tally[count] !== undefined)
}
