import type { Config } from './config.ts'

/** Splitting a range costs up to three calls a part; so many rows in pages make it worth that. */
const PAGES_PER_PART = 5

/** In how many parts so many rows are read at the same time; 1 when they are not split. */
export function countParts(rows: number, config: Config): number {
  if (!maySplit(config)) return 1
  const pages = rows / config.pageSize
  const count = Math.min(config.concurrency, pages / PAGES_PER_PART, (pages / 10 + 8) / 3)
  return Math.max(1, Math.floor(count))
}

/** Whether a range with more than a page of rows is counted, to be split perhaps. */
export function maySplit({ concurrency, callLimit }: Config): boolean {
  return concurrency > 1 && !Number.isFinite(callLimit)
}

/** The metered calls that reading so many rows takes, when no two changed in the same second. */
export function expectCalls(rows: number, config: Config): number {
  // Each page begins with the row that the one before ended with; the last page is a short one,
  // followed by the question for the newest rows, which proves the end. A row that is alone is
  // counted, and asked for once more.
  const fresh = Math.max(1, config.pageSize - 1)
  const whole = (count: number): number =>
    count < 2 ? 1 + 2 * count : Math.floor((count - 1) / fresh) + 2
  if (rows < config.pageSize || !maySplit(config)) return whole(rows)
  const rest = rows - fresh
  const parts = countParts(rest, config)
  // The first page, the count, a row at each cut, and the parts.
  return 2 + (parts - 1) + parts * whole(Math.ceil(rest / parts))
}
