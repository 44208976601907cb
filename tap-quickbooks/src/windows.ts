/** A stretch of time `[start, end)` in whole epoch seconds. */
export type Range = { start: number; end: number }

/** A range that is read; what lies before `edge` is done already and only looked at again. */
export type Stretch = Range & { edge: number }

/** The windows of a run: cells of equal length from `origin` on, cut to `range`. */
export type Grid = { origin: number; seconds: number; range: Range }

/** The last second that RFC 3339 can write: 9999-12-31T23:59:59Z. */
export const END_OF_TIME = 253_402_300_799

/**
 * The grid of windows of `chunkDays` from `origin`. A window has at least one second and does not
 * reach beyond the calendar.
 */
export function createGrid(origin: number, chunkDays: number, range: Range): Grid {
  const seconds = Math.max(1, Math.round(chunkDays * 86_400))
  return { origin, seconds: Math.min(seconds, END_OF_TIME - origin), range }
}

/** The window in which the instant lies; outside the grid's range it is the whole cell. */
export function windowOf(at: number, grid: Grid): Range {
  const cell = grid.origin + Math.floor((at - grid.origin) / grid.seconds) * grid.seconds
  const whole = { start: cell, end: cell + grid.seconds }
  if (at < grid.range.start || at >= grid.range.end) return whole
  return {
    start: Math.max(whole.start, grid.range.start),
    end: Math.min(whole.end, grid.range.end),
  }
}

/** How many windows of the grid lie wholly in one of the (disjoint) ranges. */
export function countWindows(grid: Grid, ranges: readonly Range[]): number {
  let count = 0
  for (const range of ranges) {
    const start = Math.max(range.start, grid.range.start)
    const end = Math.min(range.end, grid.range.end)
    if (start >= end) continue
    const first = windowOf(start, grid)
    const from = first.start === start ? start : first.end
    const last = windowOf(end - 1, grid)
    const to = last.end === end ? end : last.start
    if (from >= to) continue
    const cellOf = (at: number): number => Math.floor((at - grid.origin) / grid.seconds)
    count += cellOf(to - 1) - cellOf(from) + 1
  }
  return count
}

/** The one that begins later: parts of a range are read side by side, and end in any order. */
export function later(one: Range | undefined, other: Range | undefined): Range | undefined {
  return one !== undefined && one.start >= (other?.start ?? one.start) ? one : other
}
