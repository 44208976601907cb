import { createHash } from 'node:crypto'
import { readFileSync, realpathSync } from 'node:fs'
import {
  ConfigError,
  type Log,
  type ReservedFile,
  removeLeftovers,
  reserveFile,
} from '@singer-io-ts/core'
import type { Tokens } from './grant.ts'

/** What `token_file` holds. */
export type Kept = Tokens & {
  /** SHA-256 of the refresh token, known from elsewhere, that these descend from. */
  fingerprint: string
}

export function fingerprintOf(refreshToken: string): string {
  return createHash('sha256').update(refreshToken).digest('hex')
}

/** A symbolic link is followed, so that the file that it names is replaced. */
export function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/** The kept tokens, whatever they descend from; undefined if there are none. */
export function readTokenFile(path: string, log: Log): Kept | undefined {
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
    log.warning(`token_file ${path} holds no tokens and is set aside`)
    return undefined
  }
  log.hide(kept.refresh_token)
  log.hide(kept.access_token)
  return kept as Kept
}

/** More than the longest tokens take. */
const RESERVED_BYTES = 16 * 1024

/** A token that cannot be kept must not be fetched: its place is made before. Under the lock. */
export async function reserveTokenFile(path: string): Promise<ReservedFile> {
  try {
    removeLeftovers(path)
    return await reserveFile(path, RESERVED_BYTES)
  } catch (cause) {
    throw new ConfigError([`token_file ${path} cannot be written (${(cause as Error).message})`])
  }
}

export function formatKept(kept: Kept): string {
  return `${JSON.stringify(kept, null, 2)}\n`
}
