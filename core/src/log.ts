import { oneLine, showControls } from './errors.ts'

export type LogLevel = 'debug' | 'info' | 'warning' | 'error' | 'critical'
export type LogFormat = 'text' | 'json'

/** A measurement as Meltano reads it; `value` is a count or seconds. */
export type Metric = {
  type: 'counter' | 'timer'
  metric: string
  value: number
  tags: Record<string, unknown>
}

/** What a line may carry besides its message, for the JSON format. */
export type LogFields = { stream?: string | undefined; metric?: Metric }

export type Log = {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warning(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  critical(message: string, fields?: LogFields): void
  /** A `METRIC: {json}` line at level info. */
  metric(metric: Metric): void
  /** From now on this text is printed as `***`, wherever it turns up. */
  hide(secret: string): void
  configure(options: { level?: LogLevel | undefined; format?: LogFormat | undefined }): void
  level(): LogLevel
  format(): LogFormat
}

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warning: 2, error: 3, critical: 4 }

/** The settings `log_level` and `log_format`, the same in every program. */
export const LOG_SETTINGS = {
  log_level: {
    type: 'string',
    enum: ['debug', 'info', 'warning', 'error'],
    default: 'info',
    title: 'Log level',
    description: 'The least level that is printed on stderr.',
  },
  log_format: {
    type: 'string',
    enum: ['text', 'json'],
    default: 'text',
    title: 'Log format',
    description:
      'text for people, json for Meltano (also when LOGGING_CONF_FILE or SINGER_SDK_LOG_CONFIG is set).',
  },
} as const

/**
 * A log on `output` (stderr). Text lines are `LEVEL message`; JSON lines have the eight fields
 * that Meltano wants. `environment` may ask for JSON, as Meltano does.
 */
export function createLog(
  name: string,
  output: { write(text: string): unknown },
  environment: Record<string, string | undefined> = {},
): Log {
  /** Longest first: a secret may begin with another one. */
  let secrets: string[] = []
  let level: LogLevel = 'info'
  const wantsJson = Boolean(environment.LOGGING_CONF_FILE || environment.SINGER_SDK_LOG_CONFIG)
  let format: LogFormat = wantsJson ? 'json' : 'text'

  function hideSecrets(text: string): string {
    let shown = text
    for (const secret of secrets) shown = shown.replaceAll(secret, '***')
    return shown
  }

  function hideWithin(value: unknown): unknown {
    if (typeof value === 'string') return hideSecrets(value)
    if (Array.isArray(value)) return value.map(hideWithin)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, at]) => [name, hideWithin(at)]))
  }

  function print(lineLevel: LogLevel, message: string, fields: LogFields = {}): void {
    if (RANK[lineLevel] < RANK[level]) return
    const text = hideSecrets(message)
    if (format === 'text') {
      // Stacks keep their lines.
      const shown = lineLevel === 'debug' ? text : oneLine(text)
      output.write(`${lineLevel.toUpperCase()} ${showControls(shown)}\n`)
      return
    }
    const entry = {
      level: lineLevel,
      pid: process.pid,
      logger_name: name,
      ts: Date.now() / 1000,
      thread_name: 'MainThread',
      app_name: name,
      stream_name: fields.stream === undefined ? null : hideSecrets(fields.stream),
      message: text,
      ...(fields.metric && { metric_info: hideWithin(fields.metric) }),
    }
    output.write(`${JSON.stringify(entry)}\n`)
  }

  return {
    debug: (message, fields) => print('debug', message, fields),
    info: (message, fields) => print('info', message, fields),
    warning: (message, fields) => print('warning', message, fields),
    error: (message, fields) => print('error', message, fields),
    critical: (message, fields) => print('critical', message, fields),
    metric(given) {
      // Before it is written as JSON, in which a secret looks different.
      const metric = hideWithin(given) as Metric
      const stream = metric.tags.stream
      print('info', `METRIC: ${JSON.stringify(metric)}`, {
        metric,
        stream: typeof stream === 'string' ? stream : undefined,
      })
    },
    hide(secret) {
      // Shorter texts would blank out innocent words.
      if (secret.trim().length < 4) return
      const forms = new Set([...secrets, ...formsOf(secret), ...formsOf(secret.trim())])
      secrets = [...forms].sort((a, b) => b.length - a.length)
    },
    configure(options) {
      level = options.level ?? level
      if (options.format === 'json') format = 'json'
    },
    level: () => level,
    format: () => format,
  }
}

/** The ways in which a text turns up in URLs, forms, JSON, headers and messages. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const query = new URLSearchParams([['', secret]]).toString().slice(1)
  return [
    secret,
    oneLine(secret),
    query,
    query.replaceAll('+', '%20'),
    // A lone surrogate has no form in URLs.
    encodeURIComponent(secret.replace(/\p{Surrogate}/gu, '\uFFFD')),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('base64'),
    bytes.toString('base64url'),
  ]
}
