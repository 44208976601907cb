import {
  ClosedOutputError,
  ConfigError,
  describeError,
  EXIT,
  SingerError,
  StopError,
} from './errors.ts'
import { createLog, type Log } from './log.ts'
import { createScreen, type Screen } from './screen.ts'
import { createWriter, type Writer } from './writer.ts'

/** What a program gets from its process. */
export type Life = {
  /** Aborts on SIGTERM, SIGINT and a closed stdout; `signal.reason` is the SingerError to end with. */
  signal: AbortSignal
  log: Log
  /** stderr, to which the log prints. */
  screen: Screen
  /** stdout; flushed before the process ends. */
  out: Writer
  environment: Record<string, string | undefined>
}

export type LifeOptions = {
  /** After a signal or a closed stdout the process ends within this time, whatever hangs. */
  lastMomentMs?: number
}

/** Less than the ten seconds that Docker and others wait before they kill. */
export const LAST_MOMENT_MS = 9000

/**
 * Runs `body` as the whole life of the process: signals, a closed stdout and every error end in
 * the right exit code, with everything written out before. `body` gives the exit code.
 */
export async function runMain(
  name: string,
  environment: Record<string, string | undefined>,
  body: (life: Life) => Promise<number>,
  options: LifeOptions = {},
): Promise<never> {
  const screen = createScreen(process.stderr, environment)
  const log = createLog(name, screen, environment)
  const out = createWriter(process.stdout, true)
  const stop = new AbortController()

  function stopWith(reason: unknown): void {
    if (stop.signal.aborted) return
    // First, so that no listener of the abort can keep it from being set.
    setTimeout(() => {
      reportEnd(reason, log)
      process.exit(exitCode(reason))
    }, options.lastMomentMs ?? LAST_MOMENT_MS).unref()
    stop.abort(reason)
  }

  let isFailing = false
  async function fail(thrown: unknown): Promise<never> {
    if (!isFailing) {
      isFailing = true
      const reason = stop.signal.aborted ? stop.signal.reason : thrown
      await out.flush().catch(() => {})
      reportEnd(reason, log)
      await endWith(exitCode(reason))
    }
    return new Promise(() => {})
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.on(signal, () => stopWith(new StopError(signal)))
  process.stdout.on('error', (cause) => stopWith(new ClosedOutputError(cause)))
  process.stderr.on('error', () => {})
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(event, (thrown: unknown) => {
      // Bare `undefined` would become the abort's own reason.
      const reason = thrown ?? new Error(`${thrown} was thrown`)
      stopWith(reason)
      void fail(reason)
    })
  // Node would end with 0 or 13 when a promise that nothing can settle is awaited.
  process.once('beforeExit', () => void fail(new Error('waits for what can no longer come')))

  try {
    const code = await body({ signal: stop.signal, log, screen, out, environment })
    await out.flush()
    return isFailing ? await fail(undefined) : await endWith(code)
  } catch (thrown) {
    return fail(thrown)
  }
}

/** Ends the process once stderr has taken everything. */
async function endWith(code: number): Promise<never> {
  await new Promise<void>((resolve) => process.stderr.write('', () => resolve()))
  process.exit(code)
}

/** The exit code that belongs to anything thrown. */
export function exitCode(thrown: unknown): number {
  return thrown instanceof SingerError ? thrown.code : EXIT.internal
}

function reportEnd(thrown: unknown, log: Log): void {
  if (thrown instanceof StopError) {
    log.warning(thrown.message)
    return
  }
  if (thrown instanceof Error && thrown.stack !== undefined) log.debug(thrown.stack)
  if (thrown instanceof ConfigError) {
    for (const fault of thrown.faults) log.error(fault)
    const count = thrown.faults.length
    log.critical(withHint(`${count} ${count === 1 ? 'fault' : 'faults'} in what was given`, thrown))
  } else if (thrown instanceof SingerError) {
    log.critical(withHint(describeError(thrown), thrown))
  } else {
    const place = thrown instanceof Error ? /^ +(at .*)$/m.exec(thrown.stack ?? '')?.[1] : undefined
    log.critical(
      `a fault of the program itself: ${describeError(thrown)} (${place ?? 'no place'}). ` +
        'Please report it with this line; the state is good',
    )
  }
}

function withHint(message: string, error: SingerError): string {
  return error.hint === undefined ? message : `${message}. ${error.hint}`
}
