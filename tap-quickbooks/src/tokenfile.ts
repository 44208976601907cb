import { createHash } from 'node:crypto'
import { readdirSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import {
  ConfigError,
  type Log,
  type ReservedFile,
  readText,
  removeLeftovers,
  reserveFile,
} from '@singer-io-ts/core'
import type { Tokens } from './grant.ts'

/** What `token_file` holds. */
export type Kept = Tokens & {
  /** SHA-256 of the refresh token, known from elsewhere, that these descend from. */
  fingerprint: string
  /** The company that was asked for with them. */
  realm_id?: string
}

export function fingerprintOf(refreshToken: string): string {
  return createHash('sha256').update(refreshToken).digest('hex')
}

/** A symbolic link is followed, so that the file that it names is replaced. */
export function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    const parent = dirname(resolve(path))
    return parent === resolve(path) ? parent : join(realPath(parent), basename(path))
  }
}

/** What is wrong with a `token_file` that is also the file of a flag: it would be overwritten. */
export function tokenFileFaults(
  path: string,
  files: readonly (readonly [flag: string, path: string | undefined])[],
): string[] {
  const isSame = (other: string | undefined): boolean =>
    other !== undefined && realPath(other) === realPath(path)
  return files
    .filter(([, other]) => isSame(other))
    .map(([flag, other]) => `token_file: is the file of ${flag}, ${other}: it would be overwritten`)
}

/**
 * The kept tokens, whatever they descend from; undefined if there are none. A file that holds
 * anything else is refused, so that it is never overwritten.
 */
export function readTokenFile(path: string, log: Log): Kept | undefined {
  const refuse = (what: string): never => {
    throw new ConfigError([`token_file ${path}: ${what}`], {
      hint: 'token_file must be a file of its own: name one that is not there yet, or remove this one.',
    })
  }
  let text: string
  try {
    const found = statSync(path, { throwIfNoEntry: false })
    if (found === undefined) return undefined
    if (!found.isFile())
      return refuse(found.isDirectory() ? 'is a directory' : 'is no ordinary file')
    text = readText(path)
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    throw new ConfigError([`token_file ${path}: ${(cause as Error).message}`], {
      hint:
        'See that this user may read and write it and its folder. Do not remove it: it may hold ' +
        'the only refresh token that is still good.',
    })
  }
  if (text.trim() === '') return undefined
  const kept = readKept(text)
  if (typeof kept === 'string') return refuse(`${kept}, and would be overwritten`)
  log.hide(kept.refresh_token)
  log.hide(kept.access_token)
  return kept
}

/** The tokens in the text, or what it is instead. */
function readKept(text: string): Kept | string {
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    return 'is not JSON'
  }
  if (typeof found !== 'object' || found === null || Array.isArray(found))
    return 'is not a JSON object'
  const { refresh_token, access_token, fingerprint } = found as Partial<Kept>
  if ([refresh_token, access_token, fingerprint].every((value) => typeof value === 'string'))
    return found as Kept
  const names = Object.keys(found).slice(0, 5).join(', ')
  return `holds something else than tokens (${names === '' ? 'nothing' : names})`
}

/**
 * The file in the same directory that holds what descends from this token: where a run with
 * another realm_id, a wrong one perhaps, has kept it.
 */
export function findKept(directory: string, fingerprint: string, log: Log): string | undefined {
  let names: string[] = []
  try {
    names = readdirSync(directory).filter((name) => name.endsWith('.json'))
  } catch {
    // There is none yet.
  }
  return names
    .map((name) => join(directory, name))
    .find((path) => {
      try {
        return readTokenFile(path, log)?.fingerprint === fingerprint
      } catch {
        return false
      }
    })
}

/** More than the longest tokens take. */
const RESERVED_BYTES = 16 * 1024

/** A token that cannot be kept must not be fetched: its place is made before. Under the lock. */
export async function reserveTokenFile(path: string): Promise<ReservedFile> {
  try {
    removeLeftovers(path)
    return await reserveFile(path, RESERVED_BYTES)
  } catch (cause) {
    throw new ConfigError([`token_file ${path} cannot be written (${(cause as Error).message})`], {
      hint: 'Name a file in a folder that this user may write to.',
      cause,
    })
  }
}

export function formatKept(kept: Kept): string {
  return `${JSON.stringify(kept, null, 2)}\n`
}
