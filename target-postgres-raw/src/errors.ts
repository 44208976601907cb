import { describeError, EXIT, SingerError, type SingerErrorOptions } from '@singer-io-ts/core'
import type { DatabaseError } from 'pg'

/** The database could not take what it should; `cause` is the error of pg, whole. */
export class LoadError extends SingerError {
  override readonly name = 'LoadError'
  readonly stream: string | undefined
  readonly table: string | undefined

  constructor(
    message: string,
    options: SingerErrorOptions & { stream?: string | undefined; table?: string | undefined } = {},
  ) {
    super(EXIT.database, message, options)
    this.stream = options.stream
    this.table = options.table
  }
}

/** The SQLSTATE or the system's code of anything thrown by pg; undefined if it has none. */
export function codeOf(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | undefined)?.code
  if (typeof code === 'string') return code
  return thrown instanceof AggregateError ? codeOf(thrown.errors[0]) : undefined
}

// 25P03 idle session cut, 40001 serialisation, 40P01 deadlock, 53300 too many connections,
// 55P03 lock timeout, 57P01-03 and 57P05 shutdown, crash, starting, idle cut.
const RETRIED = /^(08...|25P03|40001|40P01|53300|55P03|57P0[1235])$/
const LOST_SOCKET =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENETDOWN|EHOSTDOWN|ENOTFOUND|EAI_AGAIN|ENOENT|EADDRNOTAVAIL)$/
const LOST_MESSAGE =
  /Connection terminated|timeout expired|Client has encountered a connection error|socket disconnected|is not queryable/

/** Whether the whole transaction may go well when it is done again. */
export function isRetried(thrown: unknown): boolean {
  const code = codeOf(thrown)
  if (code === undefined) return thrown instanceof Error && LOST_MESSAGE.test(thrown.message)
  return RETRIED.test(code) || LOST_SOCKET.test(code)
}

/** Whether Postgres refused the value itself: class 22, or more than its types can hold. */
export function isRefusedValue(thrown: unknown): boolean {
  return /^(22...|5400[01])$/.test(codeOf(thrown) ?? '')
}

export const MISSING_RIGHT = '42501'

/** Whether the server has no TLS at all. */
export function isWithoutTls(thrown: unknown): boolean {
  return thrown instanceof Error && /does not support SSL/.test(thrown.message)
}

const HINTS: Record<string, string> = {
  '28P01': 'Check user and password.',
  '28000': "The server's pg_hba.conf does not let this user in from here, or not in this ssl_mode.",
  '3D000': "Create the database first, or correct the setting 'database'.",
  '3F000': "Let the schema's owner create it, or grant CREATE on the database.",
  '53100': 'Free space on the disk of the server, then run again.',
  '53300': 'The server has no free connection.',
  '25006': 'The server is read-only: a standby, or set so.',
  '57014': 'A statement_timeout of the role or the database ended it, or an administrator.',
  ECONNREFUSED: 'Is Postgres running there, and are host and port right?',
  ENOTFOUND: 'Is the host name right?',
  ETIMEDOUT: 'Is the host reachable from here (firewall, VPN)?',
}

/**
 * pg's error, with its code and what may be told of its detail, as the cause of a LoadError.
 * `rights`: what to do where one is missing.
 */
export function loadError(
  thrown: unknown,
  doing: string,
  at: { stream?: string | undefined; table?: string | undefined } = {},
  rights?: string,
): SingerError {
  if (thrown instanceof SingerError) return thrown
  const code = codeOf(thrown)
  const what = describeError(thrown)
  const shown = code === undefined || what.includes(code) ? what : `${what} (${code})`
  const { hint: own, routine } = (thrown ?? {}) as Partial<DatabaseError>
  // Of that code are also rows that a policy of the table does not let in.
  const isRight = code === MISSING_RIGHT && routine !== 'ExecWithCheckOptions'
  const hint = own ?? (isRight ? rights : undefined)
  return new LoadError(`${doing}: ${shown}${detailOf(thrown)}`, {
    ...at,
    hint:
      (code && HINTS[code]) ??
      connectionHint(thrown, code) ??
      (typeof hint === 'string' ? hint : undefined),
    cause: thrown,
  })
}

// The detail of a constraint's error quotes the row, which belongs in no log.
function detailOf(thrown: unknown): string {
  const { detail, code } = thrown as Partial<DatabaseError>
  return typeof detail === 'string' && !/^2[23]/.test(code ?? '') ? `; ${detail}` : ''
}

function connectionHint(thrown: unknown, code: string | undefined): string | undefined {
  if (thrown instanceof Error && /client password must be/.test(thrown.message))
    return 'Postgres asks for a password, and none is set.'
  if (isWithoutTls(thrown))
    return "Switch TLS on at the server; 'prefer' and 'disable' send everything unencrypted."
  return /CERT|SSL|TLS|SIGNATURE|ALTNAME/.test(code ?? '')
    ? "Check ssl_mode and ssl_root_cert; 'verify-full' wants a certificate for this very host."
    : undefined
}
