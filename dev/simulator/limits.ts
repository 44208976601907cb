export type Limits = {
  /** Requests in any second; 0 switches the limit off. */
  perSecond: number
  /** Requests in any minute; 0 switches the limit off. */
  perMinute: number
  /** Requests under way at once; 0 switches the limit off. */
  concurrent: number
  /** Body of the 429. QuickBooks was recorded with XML; JSON is its UNVERIFIED successor. */
  body: 'xml' | 'json-fault' | 'gateway-fault'
  /** Value of a Retry-After header; '' sends none, as QuickBooks does. */
  retryAfter: string
}

export type Limiter = {
  /** Takes one request in, or says that it is over a limit. */
  admit(underWay: number): boolean
}

// The network shortens gaps between requests; what left 1.000 s apart may arrive 0.96 s apart.
const slackMs = 50

/**
 * Counts requests of one company over sliding windows, by machine time, not by the simulator's
 * clock, which may stand still. `limits` may change while it runs. Refused requests do not count.
 */
export function createLimiter(
  limits: Limits,
  now: () => number = () => performance.now(),
): Limiter {
  let times: number[] = []
  return {
    admit(underWay) {
      const instant = now()
      times = times.filter((time) => instant - time < 60_000)
      if (limits.concurrent > 0 && underWay > limits.concurrent) return false
      if (limits.perMinute > 0 && times.length >= limits.perMinute) return false
      const recent = times.filter((time) => instant - time < 1000 - slackMs).length
      if (limits.perSecond > 0 && recent >= limits.perSecond) return false
      times.push(instant)
      return true
    },
  }
}
