import {
  ConfigError,
  describeError,
  EXIT,
  type FileLock,
  type FileLockRefusal,
  type Lock,
  type Log,
  lock,
  lockFile,
  SingerError,
} from '@singer-io-ts/core'
import type { Config } from './config.ts'
import { ConnectionRefusedError } from './errors.ts'
import type { TokenStore } from './tokenstore.ts'

/** This program stood still for so long that another one may have refreshed the token. */
export class LostLockError extends SingerError {
  constructor() {
    super(
      EXIT.authorisation,
      'this program stood still for so long that another one took the lock on the refresh token',
    )
  }
}

/**
 * Does it while no other program refreshes the same connection, on this machine or on another that
 * shares `token_file`. The task can ask whether that still holds.
 */
export async function withLocks<T>(
  { path, program }: TokenStore,
  { timeoutSeconds }: Config,
  { log, signal }: { log: Log; signal: AbortSignal },
  task: (isHeld: () => Promise<boolean>) => Promise<T>,
): Promise<T> {
  const waitSeconds = timeoutSeconds + 60
  const held: Lock[] = []
  const take = <L extends Lock>(taken: L | FileLockRefusal | undefined): L => {
    signal.throwIfAborted()
    if (taken !== undefined && 'release' in taken) {
      held.push(taken)
      return taken
    }
    const who = taken?.who ? ` (${taken.who})` : ''
    throw new ConnectionRefusedError(`another program${who} keeps the lock on the refresh token`, {
      hint: 'End the program that hangs while it refreshes the token.',
    })
  }
  try {
    if (program !== undefined) take(await lock(`token ${program}`, waitSeconds, signal))
    const onWait = (who: string, ifKilled: string) =>
      log.info(
        `waiting for the program${who && ` (${who})`} that refreshes the token` +
          `${ifKilled && `: ${ifKilled}`}`,
      )
    const file = take<FileLock>(
      await lockFile(path, { waitSeconds, signal, onWait }).catch((cause: unknown) =>
        noLock(path, cause),
      ),
    )
    return await task(file.isHeld)
  } finally {
    for (const one of held) await one.release()
  }
}

/** Where nothing can be written, what is kept can be read, and nothing is fetched. */
function noLock(path: string, cause: unknown): FileLock {
  return {
    release: async () => {},
    isHeld: async () => {
      throw new ConfigError([`token_file ${path}: cannot be locked (${describeError(cause)})`])
    },
  }
}
