import {
  formatProgressBlock,
  formatRough,
  type Life,
  type Progress,
  readProgress,
  type StreamProgress,
} from '@singer-io-ts/core'
import { type Role, readMetric, type Tally } from './metrics.ts'

/** What a person at a terminal sees of the pipe while it runs: one block for both programs. */
export type View = {
  /** What the programs must find in their environment to say how far they are. */
  readonly environment: Record<string, string>
  /** Takes a line of stderr; true when it is not for people, who see the block instead. */
  take(role: Role, line: string): boolean
  /** The state file has been replaced. */
  saved(): void
  stop(): void
}

/** Where there is no terminal for a block, the programs' own lines say how far they are. */
export function createView({ screen, log }: Life, tally: Tally): View {
  const begunAt = performance.now()
  const said = new Map<Role, Progress>()
  let saves = 0
  let savedAt = 0
  const secondsSince = (at: number): number => (performance.now() - at) / 1000

  function note(): string {
    if (saves === 0) return ''
    const times = saves === 1 ? 'once' : `${saves} times`
    return `, state saved ${times}, last ${formatRough(secondsSince(savedAt))} ago`
  }

  const isShown = screen.isLive && log.format() === 'text'
  if (isShown)
    screen.show((room) => {
      const streams = mergeStreams(said, tally)
      const seconds = secondsSince(begunAt)
      return formatProgressBlock({ streams, seconds, calls: said.get('tap')?.calls }, room, note())
    })
  return {
    environment: isShown ? { SINGER_PROGRESS: 'json' } : {},
    take(role, line) {
      if (!isShown) return false
      const progress = readProgress(line)
      if (progress !== undefined) said.set(role, progress)
      // The end table sums them.
      return progress !== undefined || readMetric(line) !== undefined
    },
    saved() {
      saves++
      savedAt = performance.now()
    },
    stop: screen.hide,
  }
}

/** What the programs say of each stream; of programs that do not, what their metrics tell. */
function mergeStreams(said: ReadonlyMap<Role, Progress>, tally: Tally): StreamProgress[] {
  const streams = new Map<string, StreamProgress>()
  const add = (one: StreamProgress): void => {
    streams.set(one.stream, { ...streams.get(one.stream), ...one })
  }
  for (const [stream, { rows, loaded, calls, windows }] of tally.streams)
    if (stream !== '') add({ stream, ...defined({ rows, calls, windows, rows_committed: loaded }) })
  const read = said.get('tap')?.streams ?? []
  for (const one of read) add(one)
  for (const one of said.get('target')?.streams ?? []) add(one)
  // In the order in which the tap names them.
  const names = read.map(({ stream }) => stream)
  const rank = ({ stream }: StreamProgress): number =>
    names.includes(stream) ? names.indexOf(stream) : names.length
  return [...streams.values()].sort((a, b) => rank(a) - rank(b))
}

function defined(counts: Record<string, number | undefined>): Partial<StreamProgress> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== undefined))
}
