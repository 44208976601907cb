import { createHash } from 'node:crypto'
import { readFileSync, realpathSync } from 'node:fs'
import {
  ConfigError,
  describeError,
  fileLockName,
  type Log,
  lock,
  type ReservedFile,
  reserveFile,
  SingerError,
} from '@singer-io-ts/core'
import { request } from 'undici'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import { ConnectionRefusedError, QuickbooksError } from './errors.ts'
import { retry } from './retry.ts'

/** The access token, renewed when needed; the rotated refresh token is kept before it is used. */
export type Token = {
  /** An access token that should still be good. */
  get(): Promise<string>
  /** Another one, because `refused` was answered with 401. */
  renew(refused: string): Promise<string>
}

/** What `token_file` holds. Times are ISO 8601 by the local clock. */
type Kept = {
  /** SHA-256 of the config's refresh token that these descend from. */
  fingerprint: string
  refresh_token: string
  access_token: string
  access_token_expires_at: string
  refresh_token_expires_at?: string
}

/** An access token is not used in its last minute. */
const SPARE_MS = 60_000

/** How long a program that is to stop waits for the new token. */
const GRACE_MS = 5000

const REAUTHORISE =
  'Authorise the app again (Intuit Developer → OAuth 2.0 Playground, or your own consent page) ' +
  'and put the new refresh token into the setting refresh_token.'

export function createToken(
  config: Config,
  parts: { clock: Clock; log: Log; signal: AbortSignal },
): Token {
  const { log } = parts
  const fingerprint = createHash('sha256').update(config.refreshToken).digest('hex')
  const path = realPath(config.tokenFile)
  let kept: Kept | undefined
  let renewing: Promise<string> | undefined
  /** A refusal is final: nobody asks again with the same token. */
  let refusedFor: unknown

  function isGood(tokens: Kept | undefined): tokens is Kept {
    return (
      tokens !== undefined && Date.parse(tokens.access_token_expires_at) > Date.now() + SPARE_MS
    )
  }

  /** Under the lock, so that programs that share the connection refresh once. */
  async function exchange(refused: string | undefined): Promise<string> {
    const held = await lock(`token ${fileLockName(path)}`, config.timeoutSeconds + 60, parts.signal)
    parts.signal.throwIfAborted()
    if (held === undefined)
      throw new ConnectionRefusedError(`another program keeps the lock on ${path}`, {
        hint: 'End the program that hangs while it refreshes the token.',
      })
    try {
      kept = readKept(path, fingerprint, log)
      if (isGood(kept) && kept.access_token !== refused) return kept.access_token
      const current = kept?.refresh_token ?? config.refreshToken
      // A token that cannot be kept must not be fetched: its place is made before.
      const place = await reserve(path)
      try {
        kept = await refresh(current, config, fingerprint, parts)
      } catch (thrown) {
        await place.discard()
        throw thrown
      }
      await keep(place, path, kept)
      return kept.access_token
    } finally {
      await held.release()
    }
  }

  return {
    async get() {
      kept ??= readKept(path, fingerprint, log)
      return isGood(kept) ? kept.access_token : this.renew('')
    },
    renew(refused) {
      if (refusedFor !== undefined) return Promise.reject(refusedFor)
      renewing ??= exchange(refused)
        .catch((thrown: unknown) => {
          if (thrown instanceof ConnectionRefusedError) refusedFor = thrown
          throw thrown
        })
        .finally(() => {
          renewing = undefined
        })
      return renewing
    },
  }
}

async function refresh(
  refreshToken: string,
  config: Config,
  fingerprint: string,
  parts: { clock: Clock; log: Log; signal: AbortSignal },
): Promise<Kept> {
  const { log, signal } = parts
  return retry(
    {
      maxAttempts: config.maxAttempts,
      backoffSeconds: config.backoffSeconds,
      signal,
      log,
      what: 'refreshing the token',
      isRetryable: (thrown) => !(thrown instanceof SingerError) || isRetryable(thrown),
    },
    async () => {
      signal.throwIfAborted()
      const basic = Buffer.from(`${config.clientId}:${config.clientSecret}`).toString('base64')
      const answer = await request(config.tokenUrl, {
        method: 'POST',
        headers: {
          authorization: `Basic ${basic}`,
          accept: 'application/json',
          'content-type': 'application/x-www-form-urlencoded',
          'user-agent': config.userAgent,
        },
        body: new URLSearchParams({
          grant_type: 'refresh_token',
          refresh_token: refreshToken,
        }).toString(),
        signal: AbortSignal.any([
          soonAfter(signal),
          AbortSignal.timeout(config.timeoutSeconds * 1000),
        ]),
      }).catch((cause) => {
        throw new QuickbooksError(
          'the token end point cannot be reached',
          { retryable: true },
          {
            cause,
          },
        )
      })
      parts.clock.see(answer.headers.date)
      const body = await answer.body.text()
      if (answer.statusCode !== 200) throw refusal(answer.statusCode, body)
      return readTokens(body, fingerprint, refreshToken, log)
    },
  )
}

/** An exchange under way is seen through after a stop: its answer may be the only good token. */
function soonAfter(signal: AbortSignal): AbortSignal {
  const late = new AbortController()
  signal.addEventListener('abort', () => {
    setTimeout(() => late.abort(signal.reason), GRACE_MS).unref()
  })
  return late.signal
}

function isRetryable(error: SingerError): boolean {
  return error instanceof QuickbooksError && error.retryable
}

function refusal(status: number, body: string): SingerError {
  // Only the error's word is shown: the rest may hold what was sent.
  const word = /"error"\s*:\s*"([a-z_]{1,40})"/.exec(body)?.[1] ?? 'no reason given'
  const message = `the token end point answers ${status} (${word})`
  if (status === 429 || status >= 500)
    return new QuickbooksError(message, { status, retryable: true })
  if (word === 'invalid_client')
    return new ConnectionRefusedError(`${message}: client_id or client_secret is wrong`, {
      hint: 'Sandbox and production have different ones: compare with the keys of the Intuit app.',
    })
  if (word === 'invalid_grant')
    return new ConnectionRefusedError(
      `${message}: the refresh token is expired, revoked or was replaced by a newer one`,
      { hint: REAUTHORISE },
    )
  return new ConnectionRefusedError(message, { hint: REAUTHORISE })
}

function readTokens(body: string, fingerprint: string, sent: string, log: Log): Kept {
  let answer: Record<string, unknown> | null
  try {
    answer = JSON.parse(body) as Record<string, unknown> | null
  } catch {
    throw new QuickbooksError('the token end point answers with something else than JSON', {
      retryable: true,
    })
  }
  const { access_token, refresh_token = sent, expires_in } = answer ?? {}
  if (typeof access_token !== 'string' || typeof refresh_token !== 'string')
    throw new QuickbooksError('the token end point answers without a token', { retryable: true })
  log.hide(access_token)
  log.hide(refresh_token)
  const inSeconds = (seconds: unknown, otherwise: number): string =>
    new Date(Date.now() + 1000 * (Number(seconds) || otherwise)).toISOString()
  const lifeSeconds = answer?.x_refresh_token_expires_in
  return {
    fingerprint,
    refresh_token,
    access_token,
    access_token_expires_at: inSeconds(expires_in, 3600),
    ...(lifeSeconds !== undefined && { refresh_token_expires_at: inSeconds(lifeSeconds, 0) }),
  }
}

/** The kept tokens, unless there are none or they descend from another token than the config's. */
function readKept(path: string, fingerprint: string, log: Log): Kept | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new ConfigError([`token_file ${path}: cannot be read (${(cause as Error).message})`])
  }
  let kept: Partial<Kept> | null
  try {
    kept = JSON.parse(text) as Partial<Kept> | null
  } catch {
    kept = null
  }
  if (typeof kept?.refresh_token !== 'string' || typeof kept.access_token !== 'string') {
    log.warning(`token_file ${path} holds no tokens; the setting refresh_token is used`)
    return undefined
  }
  if (kept.fingerprint !== fingerprint) return undefined
  log.hide(kept.refresh_token)
  log.hide(kept.access_token)
  return kept as Kept
}

async function keep(place: ReservedFile, path: string, kept: Kept): Promise<void> {
  try {
    await place.commit(`${JSON.stringify(kept, null, 2)}\n`)
  } catch (cause) {
    throw new ConnectionRefusedError(
      `the new refresh token could not be written to ${path}: ${describeError(cause)}`,
      { hint: `Make the place writable; if the next run is refused: ${REAUTHORISE}`, cause },
    )
  }
}

/** More than the longest tokens take. */
const RESERVED_BYTES = 16 * 1024

async function reserve(path: string): Promise<ReservedFile> {
  try {
    return await reserveFile(path, RESERVED_BYTES)
  } catch (cause) {
    throw new ConfigError([`token_file ${path} cannot be written (${(cause as Error).message})`])
  }
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
