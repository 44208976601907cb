import { type Log, SingerError } from '@singer-io-ts/core'
import { request } from 'undici'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import { ConnectionRefusedError, QuickbooksError } from './errors.ts'
import { retry } from './retry.ts'
import { withTimeout } from './timeout.ts'

/** What the token end point gives. Times are ISO 8601 by the local clock. */
export type Tokens = {
  refresh_token: string
  access_token: string
  access_token_expires_at: string
  /** Its whole life, as told when it came. */
  access_token_seconds?: number
  /** Its end if it is not used before. */
  refresh_token_expires_at?: string
  /** The end of the connection, however often it is refreshed. */
  refresh_token_hard_expires_at?: string
}

/** What tokens are asked for with. */
export type Grant =
  | { grant_type: 'refresh_token'; refresh_token: string }
  | { grant_type: 'authorization_code'; code: string; redirect_uri: string }

export type GrantParts = {
  clock: Clock
  log: Log
  signal: AbortSignal
  /** Aborts some time after `signal`: an exchange under way is seen through. */
  late: AbortSignal
  /** Before each request: throws when there is a reason not to send it. */
  confirm?: () => Promise<void>
}

/** How long a program that is to stop waits for the new token. */
const GRACE_MS = 5000

/** Aborts a while after `signal`. The answer to a request under way may be the only good token. */
export function soonAfter(signal: AbortSignal): AbortSignal {
  const late = new AbortController()
  signal.addEventListener('abort', () => {
    setTimeout(() => late.abort(signal.reason), GRACE_MS).unref()
  })
  return late.signal
}

/** Asks the token end point, up to max_attempts times. */
export function requestTokens(config: Config, grant: Grant, parts: GrantParts): Promise<Tokens> {
  const { log, signal } = parts
  return retry(
    {
      maxAttempts: config.maxAttempts,
      backoffSeconds: config.backoffSeconds,
      signal,
      log,
      what: grant.grant_type === 'refresh_token' ? 'refreshing the token' : 'exchanging the code',
      isRetryable: (thrown) =>
        thrown instanceof QuickbooksError ? thrown.retryable : !(thrown instanceof SingerError),
    },
    async () => {
      signal.throwIfAborted()
      await parts.confirm?.()
      const answer = await post(config, grant, parts)
      if (answer.status !== 200) throw failure(config, grant, answer)
      return readTokens(answer.body, grant, log, answer.intuitTid)
    },
  )
}

type Posted = {
  status: number
  body: string
  intuitTid: string | undefined
  /** Where a redirect leads. */
  location: string | undefined
}

function post(config: Config, grant: Grant, parts: GrantParts): Promise<Posted> {
  return withTimeout(parts.late, config.timeoutMs, (signal) => send(config, grant, parts, signal))
}

async function send(
  config: Config,
  grant: Grant,
  parts: GrantParts,
  signal: AbortSignal,
): Promise<Posted> {
  const basic = Buffer.from(`${config.clientId}:${config.clientSecret}`).toString('base64')
  const answer = await request(config.tokenUrl, {
    method: 'POST',
    headers: {
      authorization: `Basic ${basic}`,
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      'user-agent': config.userAgent,
      'x-include-refresh-token-hard-expires-in': 'true',
    },
    body: new URLSearchParams(grant).toString(),
    signal,
  }).catch((cause) => {
    const message = 'the token end point cannot be reached'
    const hint = 'If it stays so, check the network and token_url.'
    throw new QuickbooksError(message, { retryable: true }, { cause, hint })
  })
  parts.clock.see(answer.headers.date)
  return {
    status: answer.statusCode,
    body: await answer.body.text(),
    intuitTid: String(answer.headers.intuit_tid ?? '') || undefined,
    location: answer.headers.location === undefined ? undefined : String(answer.headers.location),
  }
}

/** What the user can do about a refresh token that is of no use. */
export function reauthorise({ tokenCommand }: Config): string {
  const otherwise =
    tokenCommand === undefined
      ? 'put a new refresh token into the setting refresh_token'
      : 'store a new refresh token where token_command finds it'
  return `Authorise the app again with 'tap-quickbooks login', or ${otherwise}.`
}

/** The words by which OAuth says no (RFC 6749, 4.1.2.1 and 5.2). */
const REFUSALS = [
  'access_denied',
  'invalid_client',
  'invalid_grant',
  'invalid_request',
  'invalid_scope',
  'unauthorized_client',
  'unsupported_grant_type',
]

function failure(config: Config, grant: Grant, answer: Posted): SingerError {
  const { status, body, intuitTid } = answer
  // Only the error's word is shown: the rest may hold what was sent.
  const word = /"error"\s*:\s*"([a-z_]{1,40})"/.exec(body)?.[1]
  const reason = word ?? 'no reason given'
  const message = `the token end point answers ${status} (${reason})`
  if (status === 429 || status >= 500)
    return new QuickbooksError(message, { status, intuitTid, retryable: true })
  if (!REFUSALS.includes(reason)) return strange(answer, word)
  const refused = (why: string, hint: string) =>
    new ConnectionRefusedError(`${message}${why}`, { hint }, { reason, intuitTid })
  if (reason === 'invalid_client')
    return refused(
      ': client_id or client_secret is wrong',
      'Sandbox and production have different ones: compare with the keys of the Intuit app.',
    )
  if (grant.grant_type === 'authorization_code')
    return refused(
      '',
      'Run login again: a code is good once, for some minutes, and for the redirect URI it was asked with.',
    )
  return refused(
    reason === 'invalid_grant'
      ? ': the refresh token is expired, revoked or was replaced by a newer one'
      : '',
    reauthorise(config),
  )
}

/** Whoever answers so is no token end point, or a machine on the way to it. */
function strange({ status, intuitTid, location }: Posted, word: string | undefined): SingerError {
  const redirect = status >= 300 && status < 400
  const to = URL.canParse(location ?? '') ? ` to ${new URL(location ?? '').host}` : ''
  const what = redirect ? `a redirect${to}` : (word ?? 'which is no refusal of a token')
  const hint = redirect
    ? 'Redirects are not followed, so that no secret leaves its host: check token_url, or a proxy on the way.'
    : status === 407
      ? 'A proxy on the way wants a password: check it, and token_url.'
      : 'Check token_url, or a proxy on the way.'
  return new QuickbooksError(
    `the token end point answers ${status} (${what})`,
    { status, intuitTid },
    { hint },
  )
}

function readTokens(body: string, grant: Grant, log: Log, intuitTid: string | undefined): Tokens {
  const fields = { intuitTid, retryable: true }
  const options = { hint: 'If it goes on: check token_url, or a proxy on the way.' }
  let answer: Record<string, unknown> | null
  try {
    answer = JSON.parse(body) as Record<string, unknown> | null
  } catch {
    const message = 'the token end point answers with something else than JSON'
    throw new QuickbooksError(message, fields, options)
  }
  const sent = grant.grant_type === 'refresh_token' ? grant.refresh_token : undefined
  const { access_token, refresh_token = sent, expires_in } = answer ?? {}
  if (typeof access_token !== 'string' || typeof refresh_token !== 'string')
    throw new QuickbooksError('the token end point answers without a token', fields, options)
  log.hide(access_token)
  log.hide(refresh_token)
  const end = (name: string, seconds: unknown) =>
    typeof seconds === 'number' && { [name]: inSeconds(seconds) }
  const access_token_seconds = Number(expires_in) || 3600
  return {
    refresh_token,
    access_token,
    access_token_expires_at: inSeconds(access_token_seconds),
    access_token_seconds,
    ...end('refresh_token_expires_at', answer?.x_refresh_token_expires_in),
    ...end('refresh_token_hard_expires_at', answer?.x_refresh_token_hard_expires_in),
  }
}

function inSeconds(seconds: number): string {
  return new Date(Date.now() + 1000 * seconds).toISOString()
}
