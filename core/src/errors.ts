import { inspect } from 'node:util'

/** What each way to end means to the caller; the same numbers in every program here. */
export const EXIT = {
  done: 0,
  config: 1,
  usage: 2,
  authorisation: 3,
  source: 4,
  database: 5,
  badInput: 6,
  someStreamsFailed: 7,
  callLimit: 8,
  checkFailed: 9,
  /** A fault of the program itself, after sysexits' EX_SOFTWARE. */
  internal: 70,
  sigint: 130,
  /** stdout was closed by its reader: 128 + SIGPIPE. */
  closedOutput: 141,
  sigterm: 143,
} as const

/** Options of every error here: `hint` says what to do about it, `cause` is what lies beneath. */
export type SingerErrorOptions = { hint?: string | undefined; cause?: unknown }

/** The root of all expected errors: a message for a person, an exit code, and what to do. */
export class SingerError extends Error {
  override readonly name: string = 'SingerError'
  readonly code: number
  readonly hint: string | undefined

  constructor(code: number, message: string, options: SingerErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
  }
}

/** Settings, catalog, state file or arguments that cannot work; `faults` holds one line each. */
export class ConfigError extends SingerError {
  override readonly name = 'ConfigError'
  readonly faults: readonly string[]

  constructor(faults: readonly string[], options: SingerErrorOptions = {}) {
    super(EXIT.config, faults.join('\n'), options)
    this.faults = faults
  }
}

/** Input that breaks the Singer protocol or cannot be stored; `line` counts from 1. */
export class ProtocolError extends SingerError {
  override readonly name = 'ProtocolError'
  readonly line: number | undefined

  constructor(line: number | undefined, message: string, options: SingerErrorOptions = {}) {
    super(EXIT.badInput, line === undefined ? message : `line ${line}: ${message}`, options)
    this.line = line
  }
}

/** The program was asked to stop by SIGTERM or SIGINT. */
export class StopError extends SingerError {
  override readonly name = 'StopError'

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(signal === 'SIGINT' ? EXIT.sigint : EXIT.sigterm, `stopped by ${signal}`)
  }
}

/** The reader of stdout has gone. */
export class ClosedOutputError extends SingerError {
  override readonly name = 'ClosedOutputError'

  constructor(cause?: unknown) {
    const code = (cause as NodeJS.ErrnoException | undefined)?.code
    // A full disk, for one, is no reader that has gone.
    const isGone = code === undefined || GONE.includes(code)
    super(
      EXIT.closedOutput,
      isGone ? 'the program that reads this output has closed it' : 'the output cannot be written',
      { cause },
    )
  }
}

const GONE = ['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END']

/** The text of anything thrown, with the messages of its causes, on one line. */
export function describeError(thrown: unknown): string {
  const parts: string[] = []
  let at: unknown = thrown
  for (let depth = 0; depth < 4 && at !== undefined && at !== null; depth++) {
    const text =
      at instanceof Error
        ? at.message || codeOf(at) || at.name
        : typeof at === 'string'
          ? at
          : inspect(at)
    if (text !== '' && !parts.some((part) => part.includes(text))) parts.push(text)
    const first = at instanceof AggregateError ? at.errors[0] : undefined
    at = first ?? (at instanceof Error ? at.cause : undefined)
  }
  const text = parts.join(': ')
  return text === '' ? `${inspect(thrown)} was thrown` : oneLine(text)
}

/** A value that was found, as JSON, for a message: not too long, and however deep it is. */
export function showValue(value: unknown): string {
  let text: string
  try {
    text = JSON.stringify(value) ?? 'nothing'
  } catch {
    // JSON.stringify goes less deep than JSON.parse.
    return 'something that nests too deeply'
  }
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}

/** The text with its line breaks as blanks. */
export function oneLine(text: string): string {
  return text.trim().replace(/\s*[\r\n]+\s*/g, ' ')
}

/** What a terminal would obey, as text: names from the input can hold it. */
export function showControls(text: string): string {
  return text.replace(
    /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g,
    (found) => `\\x${found.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

function codeOf(error: Error): string | undefined {
  const code = (error as { code?: unknown }).code
  return typeof code === 'string' ? code : undefined
}
