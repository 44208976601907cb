import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  realpathSync,
} from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import {
  ConfigError,
  EXIT,
  fileLockName,
  makeDirectory,
  readState,
  SingerError,
  tryLock,
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
export async function holdStateFile(given: string): Promise<StateFile> {
  const path = realPath(given)
  const pidFile = join(dirname(path), `.${basename(path)}.pid`)
  const lock = await tryLock(`singer-run ${fileLockName(path)}`)
  if (lock === undefined) {
    throw new ConfigError(
      [`--state ${given}: another singer-run${holder(pidFile)} works with it`],
      {
        hint: 'Wait until it has ended, or give this run a state file of its own.',
      },
    )
  }
  const release = async (): Promise<void> => {
    await rm(pidFile, { force: true }).catch(() => {})
    await lock.release()
  }
  try {
    checkState(path, given)
    // Only for the message of a second run: the lock is what counts, so a stale file is harmless.
    await writeFile(pidFile, `${process.pid}\n`, { mode: 0o600 })
  } catch (thrown) {
    await release()
    if (thrown instanceof ConfigError) throw thrown
    throw unwritable(given, thrown)
  }
  return {
    path,
    exists: existsSync(path),
    async replace(text) {
      try {
        await writeFileAtomic(path, `${text}\n`)
      } catch (cause) {
        throw new SingerError(EXIT.config, `the state file ${path} cannot be written`, {
          hint:
            'It still holds the state before. Rows committed since are loaded again by the next ' +
            'run, which changes nothing.',
          cause,
        })
      }
    },
    release,
  }
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

function holder(pidFile: string): string {
  try {
    return ` (process ${Number.parseInt(readFileSync(pidFile, 'utf8'), 10)})`
  } catch {
    return ''
  }
}

function unwritable(given: string, cause: unknown): ConfigError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new ConfigError([`--state ${given}: cannot be kept there (${reason})`], { cause })
}
