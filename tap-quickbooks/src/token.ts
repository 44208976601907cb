import type { Log } from '@singer-io-ts/core'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import { ConnectionRefusedError } from './errors.ts'
import { type GrantParts, requestTokens, soonAfter, type Tokens } from './grant.ts'
import { LostLockError, withLocks } from './tokenlock.ts'
import { createTokenStore, type Stored, type TokenStore } from './tokenstore.ts'

/** The access token, renewed when needed; the rotated refresh token is kept before it is used. */
export type Token = {
  /** An access token that should still be good. */
  get(): Promise<string>
  /** Another one, because `refused` was answered with 401. */
  renew(refused: string): Promise<string>
}

/** An access token is not used in its last minute, one of a short life not in its second half. */
const SPARE_MS = 60_000

export function createToken(
  config: Config,
  parts: { clock: Clock; log: Log; signal: AbortSignal },
): Token {
  const { log, signal } = parts
  const store = createTokenStore(config, log)
  let tokens: Tokens | undefined
  let renewing: Promise<string> | undefined
  /** A refusal is final: nobody asks again with the same token. */
  let refusedFor: unknown

  function adopt(next: Tokens): string {
    if (tokens === undefined) warnOfEnd(next, log)
    tokens = next
    return next.access_token
  }

  /** Under the locks, so that programs that share the connection refresh once. */
  function exchange(refused: string | undefined, tries = 3): Promise<string> {
    const held = { ...parts, late: soonAfter(signal) }
    return withLocks(store, config, held, async (isHeld) => {
      const stored = await store.read(signal)
      if (isGood(stored) && stored.access_token !== refused) return adopt(stored)
      const grantParts = { ...held, isHeld }
      try {
        return adopt(await refresh(config, store, stored, grantParts))
      } catch (thrown) {
        if (!(thrown instanceof ConnectionRefusedError && thrown.reason === 'invalid_grant'))
          throw thrown
        // Another machine may have refreshed meanwhile.
        const newer = await store.read(signal).catch(() => stored)
        if (newer.refresh_token === stored.refresh_token) throw explain(thrown, stored)
        log.info('the refresh token was replaced meanwhile; the new one is used')
        if (isGood(newer) && newer.access_token !== refused) return adopt(newer)
        return adopt(await refresh(config, store, newer, grantParts))
      }
    }).catch((thrown: unknown) => {
      if (!(thrown instanceof LostLockError) || tries === 1) throw thrown
      log.info(`${thrown.message}; the refresh begins anew`)
      return exchange(refused, tries - 1)
    })
  }

  return {
    async get() {
      if (tokens === undefined) {
        const stored = store.peek()
        if (isGood(stored)) return adopt(stored)
      }
      return isGood(tokens) ? tokens.access_token : this.renew('')
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

function isGood(tokens: Partial<Tokens> | undefined): tokens is Tokens {
  const { access_token_expires_at = '', access_token_seconds = 3600 } = tokens ?? {}
  const spare = Math.min(SPARE_MS, (access_token_seconds * 1000) / 2)
  return Date.parse(access_token_expires_at) > Date.now() + spare
}

async function refresh(
  config: Config,
  store: TokenStore,
  stored: Stored,
  parts: GrantParts & { isHeld: () => Promise<boolean> },
): Promise<Tokens> {
  const { isHeld, late, log } = parts
  const place = await store.reserve()
  let tokens: Tokens
  try {
    const { refresh_token } = stored
    const confirm = async () => {
      if (!(await isHeld())) throw new LostLockError()
    }
    const grant = { grant_type: 'refresh_token', refresh_token } as const
    tokens = await requestTokens(config, grant, { ...parts, confirm })
    // Whoever took the lock over asked after this one, so what is kept since is the newer token.
    if (!(await isHeld().catch(() => true))) {
      const newer = await store.read(late).catch(() => stored)
      if (newer.refresh_token !== refresh_token) {
        log.info('another program has refreshed the token meanwhile; the one that it kept stays')
        await place.discard()
        return tokens
      }
    }
  } catch (thrown) {
    await place.discard()
    throw thrown
  }
  await place.keep(tokens, stored, late)
  return tokens
}

const DAY_MS = 86_400_000

/** An end that comes near: the hard one, or the usual one if even a refresh cannot move it. */
function warnOfEnd(tokens: Tokens, log: Log): void {
  const isNear = (end: string | undefined, days: number): end is string =>
    Date.parse(end ?? '') < Date.now() + days * DAY_MS
  const hardEnd = tokens.refresh_token_hard_expires_at
  const end = tokens.refresh_token_expires_at
  const near = isNear(hardEnd, 60) ? hardEnd : isNear(end, 20) ? end : undefined
  if (near !== undefined)
    log.warning(
      `the connection to QuickBooks ends on ${near.slice(0, 10)}, however often it is refreshed: ` +
        "authorise the app again before, with 'tap-quickbooks login'",
    )
}

/** The refusal, with the token that was refused and its reason if that is known. */
function explain(refused: ConnectionRefusedError, stored: Stored): ConnectionRefusedError {
  const end = stored.refresh_token_hard_expires_at
  const reason =
    end === undefined || Date.parse(end) > Date.now()
      ? ''
      : `; the likely reason: the connection came to its end on ${end.slice(0, 10)}, years after the consent`
  return new ConnectionRefusedError(
    `${refused.message} (it is the one ${stored.origin})${reason}`,
    {
      hint: refused.hint,
      cause: refused.cause,
    },
  )
}
