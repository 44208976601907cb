import { EXIT, SingerError, type SingerErrorOptions } from '@singer-io-ts/core'

export type QuickbooksErrorFields = {
  /** HTTP status; undefined when no answer came. */
  status?: number | undefined
  /** QuickBooks' fault code, such as 4001 or 3200. */
  faultCode?: string | undefined
  /** Intuit's support asks for it. */
  intuitTid?: string | undefined
  /** Whether the same request may succeed later. */
  retryable?: boolean
  /** All requests wait this long in seconds, whatever the back-off. */
  pauseSeconds?: number
  /** The token or a right was refused. */
  refused?: boolean
}

/** QuickBooks did not answer, or answered with a fault. Exit 4, or 3 when a right was refused. */
export class QuickbooksError extends SingerError {
  override readonly name = 'QuickbooksError'
  readonly status: number | undefined
  readonly faultCode: string | undefined
  readonly intuitTid: string | undefined
  readonly retryable: boolean
  readonly pauseSeconds: number

  constructor(message: string, fields: QuickbooksErrorFields, options: SingerErrorOptions = {}) {
    const code = fields.refused ? EXIT.authorisation : EXIT.source
    super(code, `${message}${withTid(fields.intuitTid)}`, options)
    this.status = fields.status
    this.faultCode = fields.faultCode
    this.intuitTid = fields.intuitTid
    this.retryable = fields.retryable ?? false
    this.pauseSeconds = fields.pauseSeconds ?? 0
  }
}

export type ConnectionRefusedFields = {
  /** The token end point's word, such as `invalid_grant`. */
  reason?: string
  intuitTid?: string | undefined
}

/** The connection itself is refused: no stream can be read with it. Exit 3. */
export class ConnectionRefusedError extends SingerError {
  override readonly name = 'ConnectionRefusedError'
  readonly reason: string | undefined

  constructor(
    message: string,
    options: SingerErrorOptions = {},
    fields: ConnectionRefusedFields = {},
  ) {
    super(EXIT.authorisation, `${message}${withTid(fields.intuitTid)}`, options)
    this.reason = fields.reason
  }
}

function withTid(intuitTid: string | undefined): string {
  return intuitTid === undefined ? '' : ` (intuit_tid ${intuitTid})`
}

/** An answer such as QuickBooks is not known to give; it is never taken for "no rows". */
export function strangeAnswer(message: string): QuickbooksError {
  const hint =
    'QuickBooks is not known to answer so: check base_url, and whatever stands between (a proxy).'
  return new QuickbooksError(message, {}, { hint })
}

/** The run has made as many metered calls as `call_limit` allows. Exit 8. */
export class CallLimitReached extends SingerError {
  override readonly name = 'CallLimitReached'

  constructor() {
    super(EXIT.callLimit, 'the call limit is reached')
  }
}
