import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { ConfigError, describeError, type Log } from '@singer-io-ts/core'
import type { Config } from './config.ts'
import { ConnectionRefusedError } from './errors.ts'
import { reauthorise, type Tokens } from './grant.ts'
import { readTokenCommand, storeWithTokenCommand } from './tokencommand.ts'
import {
  findKept,
  fingerprintOf,
  formatKept,
  type Kept,
  readTokenFile,
  realPath,
  reserveTokenFile,
} from './tokenfile.ts'

/** Where tokens outlive the run. Whoever reads to refresh, or reserves, holds the locks. */
export type TokenStore = {
  /** The file whose lock is taken, after that of the program if there is one. */
  path: string
  program?: string
  /** What is known without a lock and at no cost. */
  peek(): Stored | undefined
  read(signal: AbortSignal): Promise<Stored>
  /** The place for new tokens: none is fetched that cannot be kept. */
  reserve(): Promise<Place>
}

/** The refresh token to go on with, and what else is known of its connection. */
export type Stored = Pick<Kept, 'fingerprint' | 'refresh_token'> &
  Partial<Tokens> & {
    /** Where the refresh token comes from, for people. */
    origin: string
  }

export type Place = {
  /** Keeps the tokens for good; `signal` ends the wait for a program. */
  keep(
    tokens: Tokens,
    from: Pick<Kept, 'fingerprint' | 'refresh_token'>,
    signal: AbortSignal,
  ): Promise<void>
  discard(): Promise<void>
}

export function createTokenStore(config: Config, log: Log): TokenStore {
  return config.tokenCommand === undefined
    ? createFileStore(config, log)
    : createCommandStore(config, log)
}

/** `token_file`, beside the settings: a new token in the settings wins. */
function createFileStore(config: Config, log: Log): TokenStore {
  const fingerprint = fingerprintOf(config.refreshToken)
  const path = placeOf(config, fingerprint, log)
  const peek = () => {
    const kept = readOwnTokens(path, fingerprint, config, log)
    return kept?.fingerprint === fingerprint ? { ...kept, origin: `kept in ${path}` } : undefined
  }
  return {
    path,
    peek,
    read: async () =>
      peek() ?? {
        fingerprint,
        refresh_token: config.refreshToken,
        origin: `of the settings; none that came of it is kept in ${path}`,
      },
    async reserve() {
      const place = await reserveTokenFile(path)
      return {
        discard: place.discard,
        async keep(tokens) {
          try {
            // A mistaken realm_id must not give away what is kept under the right one's name.
            const isFound = path !== realPath(config.tokenFile)
            const named = isFound ? readTokenFile(path, log)?.realm_id : undefined
            const realm_id = named ?? config.realmId
            await place.commit(formatKept({ realm_id, fingerprint, ...tokens }))
          } catch (cause) {
            throw new ConnectionRefusedError(
              `the new refresh token could not be written to ${path}: ${describeError(cause)}`,
              {
                hint: `Make the place writable; if the next run is refused: ${reauthorise(config)}`,
                cause,
              },
            )
          }
        },
      }
    },
  }
}

/**
 * Where the tokens are kept. The default name has the company's number in it: whoever corrects a
 * wrong realm_id goes on with what its run has kept, since the token in the settings is spent.
 */
function placeOf(config: Config, fingerprint: string, log: Log): string {
  const path = realPath(config.tokenFile)
  if (!config.isDefaultTokenFile) return path
  if (readTokenFile(path, log)?.fingerprint === fingerprint) return path
  const other = findKept(dirname(path), fingerprint, log)
  if (other !== undefined) log.info(`the tokens of this connection are kept in ${other}`)
  return other ?? path
}

/** What is kept, unless it is of another company: its connection would be lost. */
function readOwnTokens(
  path: string,
  fingerprint: string,
  { realmId }: Config,
  log: Log,
): Kept | undefined {
  const kept = readTokenFile(path, log)
  // The same connection has one company, so that realm_id was or is wrong.
  if (kept === undefined || kept.fingerprint === fingerprint) return kept
  if (kept.realm_id !== undefined && kept.realm_id !== realmId)
    throw new ConfigError(
      [`token_file ${path}: holds the tokens of company ${kept.realm_id}, realm_id is ${realmId}`],
      {
        hint:
          'Give each company a token_file of its own. If the file was written with a mistaken ' +
          'realm_id, and its connection has been authorised again, delete it.',
      },
    )
  return kept
}

/**
 * The user's program. `token_file` holds a new token from when it has come until the program has
 * stored it, with the fingerprint of the one that the program has still: so no end of this process
 * loses it, and a token that somebody else has given to the program wins.
 */
function createCommandStore(config: Config, log: Log): TokenStore {
  const path = realPath(config.tokenFile)

  /** True once the program is seen to have it. */
  async function handOver(token: string, signal: AbortSignal): Promise<boolean> {
    const parts = { log, signal }
    try {
      await storeWithTokenCommand(config, token, parts)
    } catch (thrown) {
      if (!(thrown instanceof ConnectionRefusedError)) throw thrown
      throw new ConnectionRefusedError(`${thrown.message}; the token is kept in ${path}`, {
        hint: `Mend token_command: the next run gives it the token first. ${thrown.hint}`,
        cause: thrown,
      })
    }
    const printed = await readTokenCommand(config, parts).catch(() => undefined)
    if (printed === token) {
      rmSync(path, { force: true })
      return true
    }
    log.warning(
      'token_command was given a new refresh token and does not print it: ' +
        `it is kept in ${path} and given again in the next run`,
    )
    return false
  }

  return {
    path,
    program: `${config.realmId} ${config.tokenCommand}`,
    peek: () => undefined,
    async read(signal) {
      const printed = await readTokenCommand(config, { log, signal })
      const refresh_token = printed ?? config.refreshToken
      const fingerprint = fingerprintOf(refresh_token)
      const left = readOwnTokens(path, fingerprint, config, log)
      // It has been stored after all.
      if (left?.refresh_token === refresh_token) rmSync(path, { force: true })
      else if (left?.fingerprint === fingerprint) {
        const isStored = await handOver(left.refresh_token, signal)
        const found = { ...left, origin: `kept in ${path}` }
        return isStored ? { ...found, fingerprint: fingerprintOf(left.refresh_token) } : found
      }
      if (refresh_token === '')
        throw new ConnectionRefusedError(
          'token_command prints no refresh token, and the settings have no refresh_token to begin with',
          { hint: reauthorise(config) },
        )
      const origin = printed === undefined ? 'of the settings' : 'that token_command prints'
      return { fingerprint, refresh_token, origin }
    },
    async reserve() {
      const place = await reserveTokenFile(path)
      return {
        discard: place.discard,
        async keep(tokens, from, signal) {
          if (tokens.refresh_token === from.refresh_token) return place.discard()
          const { fingerprint } = from
          await place.commit(formatKept({ realm_id: config.realmId, fingerprint, ...tokens }))
          await handOver(tokens.refresh_token, signal)
        },
      }
    },
  }
}
