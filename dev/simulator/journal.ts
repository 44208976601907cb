export type LogEntry = {
  n: number
  /** The simulator's time, ISO. */
  at: string
  method: string
  path: string
  /** The statement of a query, or the query string of anything else. */
  query: string
  endpoint: string
  /** Entities asked for, comma-separated. */
  entity: string
  status: number
  /** Rows in the answer. */
  rows: number
  ms: number
  /** Counts as a paid call: a 2xx answer of the company's API. */
  metered: boolean
  /** The scripted effects that were applied. */
  script: string
}

export type Stats = {
  /** Everything but the control end points. */
  requests: number
  /** Requests to the company's API, whatever came of them. */
  dataRequests: number
  metered: { total: number; byEndpoint: Record<string, number>; byEntity: Record<string, number> }
  rows: Record<string, number>
  /** Answers by status. */
  statuses: Record<string, number>
  /** Requests refused by the limits. */
  throttled: number
  mostUnderWay: number
  tokens: { refreshes: number; codes: number; refused: number; rotations: number }
}

export type Journal = {
  note(entry: Omit<LogEntry, 'n'>): void
  log(): LogEntry[]
  stats: Stats
  reset(): void
}

const kept = 10_000

function emptyStats(tokens: Stats['tokens']): Stats {
  return {
    requests: 0,
    dataRequests: 0,
    metered: { total: 0, byEndpoint: {}, byEntity: {} },
    rows: {},
    statuses: {},
    throttled: 0,
    mostUnderWay: 0,
    tokens,
  }
}

function step(counts: Record<string, number>, key: string, by = 1): void {
  counts[key] = (counts[key] ?? 0) + by
}

/** Counts and remembers requests; the log keeps the last 10,000. */
export function createJournal(tokens: Stats['tokens']): Journal {
  const entries: LogEntry[] = []
  let n = 0
  const stats = emptyStats(tokens)
  return {
    stats,
    note(entry) {
      n++
      entries.push({ n, ...entry })
      if (entries.length > kept * 1.2) entries.splice(0, entries.length - kept)
      stats.requests++
      if (entry.endpoint !== 'token' && entry.endpoint !== 'other') stats.dataRequests++
      step(stats.statuses, String(entry.status))
      if (!entry.metered) return
      stats.metered.total++
      step(stats.metered.byEndpoint, entry.endpoint)
      step(stats.metered.byEntity, entry.entity)
      step(stats.rows, entry.entity, entry.rows)
    },
    log: () => entries.slice(-kept),
    reset() {
      entries.length = 0
      n = 0
      Object.assign(tokens, { refreshes: 0, codes: 0, refused: 0, rotations: 0 })
      Object.assign(stats, emptyStats(tokens))
    },
  }
}
