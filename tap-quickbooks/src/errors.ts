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
    const tid = fields.intuitTid === undefined ? '' : ` (intuit_tid ${fields.intuitTid})`
    super(fields.refused ? EXIT.authorisation : EXIT.source, `${message}${tid}`, options)
    this.status = fields.status
    this.faultCode = fields.faultCode
    this.intuitTid = fields.intuitTid
    this.retryable = fields.retryable ?? false
    this.pauseSeconds = fields.pauseSeconds ?? 0
  }
}

/** The connection itself is refused: no stream can be read with it. Exit 3. */
export class ConnectionRefusedError extends SingerError {
  override readonly name = 'ConnectionRefusedError'

  constructor(message: string, options: SingerErrorOptions = {}) {
    super(EXIT.authorisation, message, options)
  }
}

/** The run has made as many metered calls as `call_limit` allows. Exit 8. */
export class CallLimitReached extends SingerError {
  override readonly name = 'CallLimitReached'

  constructor() {
    super(EXIT.callLimit, 'the call limit is reached')
  }
}
