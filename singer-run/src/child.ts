import { constants } from 'node:os'
import { basename } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { EXIT } from '@singer-io-ts/core'
import { execa } from 'execa'
import type { Role } from './metrics.ts'
import type { End } from './outcome.ts'

/** How long a program may take to end after it was asked to; this process has a second more. */
export const GRACE_MS = 8000

export type Child = {
  role: Role
  /** For people: `the tap (tap-quickbooks)`. */
  title: string
  /** Undefined when it could not be started; `failure` says why. */
  pid: number | undefined
  failure: string | undefined
  stdin: Writable | null
  stdout: Readable | null
  stderr: Readable
  /** Undefined while it runs. */
  end: End | undefined
  ended: Promise<End>
  /** Asks it to end, once; it is killed when it does not within the grace. */
  stop(signal: NodeJS.Signals): void
  /** Kills it and whatever it has started, at once. */
  kill(): void
}

export type ChildOptions = {
  stdin: 'pipe' | 'ignore'
  /** A stream is handed over itself: what the child writes does not pass through this process. */
  stdout: 'pipe' | Writable
  /** Beside the environment of this process. */
  environment: Record<string, string>
}

/**
 * Starts a program in a process group of its own: Ctrl-C in a terminal reaches singer-run alone,
 * which passes it on, so that nobody gets it twice; and what the program starts ends with it.
 */
export function startChild(
  role: Role,
  file: string,
  args: readonly string[],
  { environment, ...options }: ChildOptions,
): Child {
  const running = execa(file, args, {
    ...options,
    env: environment,
    stderr: 'pipe',
    detached: true,
    buffer: false,
    reject: false,
    cleanup: false,
    windowsHide: true,
  })
  const child: Child = {
    role,
    title: `the ${role} (${basename(file)})`,
    pid: running.pid,
    failure: undefined,
    stdin: running.stdin,
    stdout: running.stdout,
    stderr: running.stderr,
    end: undefined,
    ended: new Promise((resolve) => {
      const finish = (end: End): void => {
        child.end = end
        process.off('exit', child.kill)
        resolve(end)
      }
      running.once('exit', (code: number | null, signal: NodeJS.Signals | null) =>
        finish(
          signal === null
            ? { code: code ?? EXIT.internal }
            : { code: 128 + constants.signals[signal], signal },
        ),
      )
      void running.then((result) => {
        if (running.pid !== undefined) return
        child.failure = result.originalMessage ?? 'for an unknown reason'
        finish({ code: EXIT.config })
      })
    }),
    stop(signal) {
      if (child.end !== undefined || wasAsked) return
      wasAsked = true
      send(signal)
      setTimeout(child.kill, GRACE_MS).unref()
    },
    kill: () => send('SIGKILL'),
  }
  let wasAsked = false

  function send(signal: NodeJS.Signals): void {
    if (running.pid === undefined) return
    try {
      if (process.platform === 'win32') running.kill(signal)
      else process.kill(-running.pid, signal)
    } catch {
      // It has gone already.
    }
  }

  // However this process ends, short of kill -9, nothing is left behind.
  process.on('exit', child.kill)
  return child
}
