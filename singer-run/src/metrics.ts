/** Which of the two programs speaks. */
export type Role = 'tap' | 'target'

/** A measurement that a program wrote on stderr. */
export type Metric = { metric: string; value: number; tags: Record<string, unknown> }

/** What is known of one stream; undefined where nobody said. */
export type StreamTally = {
  /** Sent by the tap. */
  rows: number | undefined
  /** Taken in by the target. */
  loaded: number | undefined
  calls: number | undefined
  /** Requests that had to be made again. */
  retries: number | undefined
  /** How long the source has asked to wait. */
  pausedSeconds: number | undefined
  windows: number | undefined
  seconds: number | undefined
}

export type Tally = {
  add(role: Role, metric: Metric): void
  /** By stream, in the order of their first measurement; '' holds what belongs to no stream. */
  streams: ReadonlyMap<string, StreamTally>
}

const MARK = 'METRIC: '

/** The metric of a stderr line, a text line or a JSON one; undefined for any other line. */
export function readMetric(line: string): Metric | undefined {
  if (line.startsWith('{')) {
    if (!line.includes('"metric_info"') && !line.includes(MARK)) return undefined
    const entry = parse(line)
    if (!isObject(entry)) return undefined
    if (isObject(entry.metric_info)) return asMetric(entry.metric_info)
    return typeof entry.message === 'string' ? readMetric(entry.message) : undefined
  }
  const at = line.indexOf(MARK)
  if (at === -1) return undefined
  return asMetric(parse(line.slice(at + MARK.length, line.lastIndexOf('}') + 1)))
}

/** Sums metrics by stream: taps of the Meltano SDK report what came since the last report. */
export function createTally(): Tally {
  const streams = new Map<string, StreamTally>()
  return {
    streams,
    add(role, { metric, value, tags }) {
      const column = columnOf(role, metric)
      if (column === undefined) return
      // Taps of singer-python call a stream its end point.
      const name = tags.stream ?? (metric === 'record_count' ? tags.endpoint : undefined)
      const stream = typeof name === 'string' ? name : ''
      const tally = streams.get(stream) ?? emptyTally()
      tally[column] = (tally[column] ?? 0) + value
      streams.set(stream, tally)
    },
  }
}

export function emptyTally(): StreamTally {
  return {
    rows: undefined,
    loaded: undefined,
    calls: undefined,
    retries: undefined,
    pausedSeconds: undefined,
    windows: undefined,
    seconds: undefined,
  }
}

function columnOf(role: Role, metric: string): keyof StreamTally | undefined {
  if (role === 'target') return metric === 'record_count' ? 'loaded' : undefined
  switch (metric) {
    case 'record_count':
      return 'rows'
    case 'http_request_count':
      return 'calls'
    case 'http_retry_count':
      return 'retries'
    case 'http_pause_duration':
      return 'pausedSeconds'
    case 'window_count':
      return 'windows'
    case 'sync_duration':
      return 'seconds'
    default:
      return undefined
  }
}

function asMetric(value: unknown): Metric | undefined {
  if (!isObject(value)) return undefined
  const { metric, value: amount, tags } = value
  if (typeof metric !== 'string' || typeof amount !== 'number') return undefined
  return { metric, value: amount, tags: isObject(tags) ? tags : {} }
}

/** What a stderr line says, without the frame of a JSON log. */
export function messageOf(line: string): string {
  if (!line.startsWith('{')) return line
  const entry = parse(line)
  if (!isObject(entry) || typeof entry.message !== 'string') return line
  const level = typeof entry.level === 'string' ? `${entry.level.toUpperCase()} ` : ''
  return level + entry.message
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
