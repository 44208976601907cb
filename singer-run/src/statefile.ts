import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  readlinkSync,
  realpathSync,
  statSync,
} from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import {
  ConfigError,
  EXIT,
  type FileLock,
  type FileLockRefusal,
  findLockHolder,
  type Life,
  lockFile,
  makeDirectory,
  readState,
  SingerError,
  type State,
  writeFileAtomic,
} from '@singer-io-ts/core'

/** The state file of a run, held by this process alone. */
export type StateFile = {
  path: string
  /** False at the first run: there is nothing to go on from. */
  exists: boolean
  /** Replaces the state, to the letter. */
  replace(text: string): Promise<void>
  release(): Promise<void>
}

/**
 * Takes the state file for this run. Throws ConfigError when it cannot be gone on from (never a
 * silent full reload), cannot be written, or when another run has it.
 */
export async function holdStateFile(
  given: string,
  { log, signal }: Pick<Life, 'log' | 'signal'>,
): Promise<StateFile> {
  const path = realPath(given)
  const lock = await lockFile(path, {
    signal,
    onWait: (who, ifKilled) =>
      log.info(
        `waiting to see whether the singer-run that has the lock of ${path}` +
          `${inBrackets(who)} is still there: ${ifKilled}`,
      ),
  }).catch((cause: unknown) => {
    throw unwritable(given, cause)
  })
  signal.throwIfAborted()
  if (!('release' in lock)) throw refusal(given, lock)
  try {
    checkState(path, given)
  } catch (thrown) {
    await lock.release()
    if (thrown instanceof ConfigError) throw thrown
    throw unwritable(given, thrown)
  }
  return {
    path,
    exists: existsSync(path),
    async replace(text) {
      try {
        await writeFileAtomic(path, `${text}\n`, () => checkLock(path, lock))
      } catch (cause) {
        if (cause instanceof SingerError) throw cause
        throw new SingerError(EXIT.config, `the state file ${path} cannot be written`, {
          hint:
            'It still holds the state before. Rows committed since are loaded again by the next ' +
            'run, which changes nothing.',
          cause,
        })
      }
    },
    release: lock.release,
  }
}

/** What another run has written since is never overwritten. */
async function checkLock(path: string, lock: FileLock): Promise<void> {
  if (await lock.isHeld()) return
  throw new SingerError(
    EXIT.config,
    `the state file ${path} is another singer-run's by now: this one stood still for so long ` +
      'that its lock counted as abandoned (or somebody removed it)',
    {
      hint: 'The state is left as the other run keeps it. What this run committed changes nothing.',
    },
  )
}

function refusal(given: string, { who, ifKilled }: FileLockRefusal): ConfigError {
  const hint = 'Wait until it has ended, or give this run a state file of its own'
  return new ConfigError([`--state ${given}: another singer-run${inBrackets(who)} works with it`], {
    hint: ifKilled === '' ? `${hint}.` : `${hint}; ${ifKilled}.`,
  })
}

function inBrackets(who: string): string {
  return who === '' ? '' : ` (${who})`
}

/**
 * Links are followed, also to a file that is not there yet, so that a link stays one and every way
 * to the file is one lock.
 */
function realPath(given: string): string {
  try {
    let path = resolve(given)
    for (let links = 0; links <= 40; links++) {
      if (existsSync(path)) return realpathSync(path)
      makeDirectory(dirname(path))
      const directory = realpathSync(dirname(path))
      path = join(directory, basename(path))
      const target = linkTarget(path)
      if (target === undefined) return path
      path = resolve(directory, target)
    }
    throw new Error('too many links, or they lead in a circle')
  } catch (cause) {
    throw unwritable(given, cause)
  }
}

function linkTarget(path: string): string | undefined {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) return undefined
  return readlinkSync(path)
}

/** What is to be seen of a state file; nothing is made or changed. */
export async function lookAtState(given: string): Promise<{
  path: string
  faults: readonly string[]
  state?: State
  ageSeconds?: number
  /** A run works with it. */
  heldBy?: string | undefined
}> {
  let path = resolve(given)
  try {
    // Above a folder that is not there yet, one that a run can make it in.
    const isThere = existsSync(path)
    const isLink = lstatSync(path, { throwIfNoEntry: false }) !== undefined
    if (isThere || (!isLink && existsSync(dirname(path)))) path = realPath(given)
    if (!isThere) {
      let folder = dirname(path)
      while (!existsSync(folder)) folder = dirname(folder)
      accessSync(folder, constants.W_OK)
    }
    const holder = await findLockHolder(path)
    const heldBy = holder && (holder.who || 'another process')
    if (!existsSync(path)) return { path: given, faults: [], heldBy }
    checkState(path, given)
    const ageSeconds = Math.max(0, (Date.now() - statSync(path).mtimeMs) / 1000)
    return { path: given, faults: [], state: readState(path), ageSeconds, heldBy }
  } catch (thrown) {
    const refused = thrown instanceof ConfigError ? thrown : unwritable(given, thrown)
    const [first = '', ...others] = refused.faults.map((fault) => fault.replace(/^--state /, ''))
    const hint = refused.hint === undefined ? '' : `. ${refused.hint}`
    return { path: given, faults: [first + hint, ...others] }
  }
}

function checkState(path: string, given: string): void {
  accessSync(dirname(path), constants.W_OK)
  if (!existsSync(path)) return
  try {
    readState(path)
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause
    throw new ConfigError(
      cause.faults.map((fault) => fault.replace(`--state ${path}`, `--state ${given}`)),
      {
        hint:
          'It must hold one state, as the target printed it last. Put a good one there ' +
          '(target-postgres-raw keeps it in the table _singer_state), ' +
          'or move the file away: everything is then read from the start.',
        cause,
      },
    )
  }
}

function unwritable(given: string, cause: unknown): ConfigError {
  if (cause instanceof ConfigError)
    return new ConfigError(
      cause.faults.map((fault) => `--state ${given}: ${fault}`),
      { hint: cause.hint, cause },
    )
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new ConfigError([`--state ${given}: cannot be kept there (${reason})`], {
    hint: 'Name a file in a folder that this user may write to.',
    cause,
  })
}
