import { setTimeout as pause } from 'node:timers/promises'

/** QuickBooks' limit for one company and app, whatever the plan. */
const STARTS_PER_SECOND = 10
/** A second as the far end may measure it: requests travel at uneven speed. */
const SECOND_MS = 1100

/** Node's timers wait no longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** The turn of a request. It counts from when it was last heard of. */
export type Turn = {
  /** It goes out only now. */
  sent(): void
  /** Its answer begins. The first requests of a run take long to get there, nobody knows how long. */
  answered(): void
}

/** Says when the next request to the company may start. One for the whole run. */
export type Limiter = {
  /** Waits for this request's turn, first come first served. */
  start(signal: AbortSignal): Promise<Turn>
  /** No request starts for so long; gives how much longer that is than it would have been. */
  pause(seconds: number): number
}

/** `clock` gives milliseconds. */
export function createLimiter(
  requestsPerMinute: number,
  clock: () => number = () => performance.now(),
): Limiter {
  const starts: { at: number }[] = []
  let pausedUntil = 0
  let isWarm = false
  let last: Promise<unknown> = Promise.resolve()

  function earliest(now: number): number {
    starts.sort((a, b) => a.at - b.at)
    while (starts[0] !== undefined && starts[0].at <= now - 60_000) starts.shift()
    const inSecond = starts.at(-STARTS_PER_SECOND)?.at
    const inMinute = starts.at(-requestsPerMinute)?.at
    return Math.max(
      pausedUntil,
      inSecond === undefined ? 0 : inSecond + SECOND_MS,
      inMinute === undefined ? 0 : inMinute + 60_000,
    )
  }

  async function takeTurn(signal: AbortSignal): Promise<Turn> {
    for (;;) {
      const now = clock()
      const wait = earliest(now) - now
      if (wait <= 0) {
        const start = { at: now }
        starts.push(start)
        const isFirst = !isWarm
        return {
          sent() {
            start.at = clock()
          },
          answered() {
            if (isFirst) start.at = clock()
            isWarm = true
          },
        }
      }
      await pause(Math.min(wait, LONGEST_TIMER_MS), undefined, { signal })
    }
  }

  return {
    start(signal) {
      const turn = last.then(() => takeTurn(signal))
      last = turn.catch(() => {})
      return turn
    },
    pause(seconds) {
      const now = clock()
      const before = Math.max(pausedUntil, now)
      pausedUntil = Math.max(before, now + seconds * 1000)
      return (pausedUntil - before) / 1000
    },
  }
}

/** Lets at most `count` tasks run at a time, in the order of asking. */
export function createSlots(count: number): <T>(task: () => Promise<T>) => Promise<T> {
  let free = count
  const waiting: (() => void)[] = []
  return async (task) => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}

/** Waits for all, then throws the first failure: what the others have done is not lost. */
export async function settleAll<T>(tasks: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(tasks)
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}
