import type { Range } from './windows.ts'

/** How far a stream is: everything before `lowWater` is done, and so are the `ranges` beyond it. */
export type Progress = { lowWater: number; ranges: readonly Range[] }

/** The progress once `range` is done too. The low-water mark never falls. */
export function markDone(progress: Progress, range: Range): Progress {
  if (range.end <= range.start) return progress
  return merge({ ...progress, ranges: [...progress.ranges, range] })
}

/** Whether what is done ends there. */
export function isEdge(instant: number, { lowWater, ranges }: Progress): boolean {
  return instant === lowWater || ranges.some(({ end }) => end === instant)
}

/** More ranges than any run leaves. Each gap between them costs a request, and each STATE holds all. */
const MOST_RANGES = 1000

/** The progress that a state says, in order; of too many ranges the smallest are read again. */
export function tidyProgress(progress: Progress): Progress {
  const { lowWater, ranges } = merge(progress)
  if (ranges.length <= MOST_RANGES) return { lowWater, ranges }
  const length = ({ start, end }: Range): number => end - start
  const largest = [...ranges].sort((a, b) => length(b) - length(a)).slice(0, MOST_RANGES)
  return { lowWater, ranges: largest.sort((a, b) => a.start - b.start) }
}

function merge(progress: Progress): Progress {
  const merged: Range[] = []
  for (const next of [...progress.ranges].sort((a, b) => a.start - b.start)) {
    const last = merged.at(-1)
    if (last !== undefined && next.start <= last.end)
      merged[merged.length - 1] = { start: last.start, end: Math.max(last.end, next.end) }
    else merged.push(next)
  }
  let lowWater = progress.lowWater
  const beyond: Range[] = []
  for (const done of merged) {
    if (done.start <= lowWater) lowWater = Math.max(lowWater, done.end)
    else beyond.push(done)
  }
  return { lowWater, ranges: beyond }
}

/** What is still to do before `end`, in order. */
export function remainingRanges(progress: Progress, end: number): Range[] {
  const rest: Range[] = []
  let from = progress.lowWater
  for (const done of progress.ranges) {
    if (done.start >= end) break
    if (from < done.start) rest.push({ start: from, end: done.start })
    from = Math.max(from, done.end)
  }
  if (from < end) rest.push({ start: from, end })
  return rest
}

/** What is still to do before `end`, but for the stretches with rows that cannot be read. */
export function ordinaryRanges(
  progress: Progress,
  unreadable: readonly Range[],
  end: number,
): Range[] {
  return remainingRanges(unreadable.reduce(markDone, progress), end)
}
