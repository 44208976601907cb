import {
  ClosedOutputError,
  ConfigError,
  describeError,
  EXIT,
  SingerError,
  StopError,
} from './errors.ts'
import { createLog, type Log } from './log.ts'
import { createWriter, type Writer } from './writer.ts'

/** What a program gets from its process. */
export type Life = {
  /** Aborts on SIGTERM, SIGINT and a closed stdout; `signal.reason` is the SingerError to end with. */
  signal: AbortSignal
  log: Log
  /** stdout; flushed before the process ends. */
  out: Writer
  environment: Record<string, string | undefined>
}

/** After a signal the process ends within this time, whatever hangs. */
const LAST_MOMENT_MS = 9000

/**
 * Runs `body` as the whole life of the process: signals, a closed stdout and every error end in
 * the right exit code, with everything written out before. `body` gives the exit code.
 */
export async function runMain(
  name: string,
  environment: Record<string, string | undefined>,
  body: (life: Life) => Promise<number>,
): Promise<never> {
  const log = createLog(name, process.stderr, environment)
  const out = createWriter(process.stdout)
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) return
      const reason = new StopError(signal)
      stop.abort(reason)
      setTimeout(() => process.exit(reason.code), LAST_MOMENT_MS).unref()
    })
  }
  process.stdout.on('error', (cause) => stop.abort(new ClosedOutputError(cause)))
  process.stderr.on('error', () => {})
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(event, (thrown: unknown) => {
      reportEnd(thrown, log)
      process.exit(exitCode(thrown))
    })

  let code: number
  try {
    code = await body({ signal: stop.signal, log, out, environment })
    await out.flush()
  } catch (thrown) {
    const reason = stop.signal.aborted ? stop.signal.reason : thrown
    await out.flush().catch(() => {})
    reportEnd(reason, log)
    code = exitCode(reason)
  }
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
    const place = thrown instanceof Error ? thrown.stack?.split('\n')[1]?.trim() : undefined
    log.critical(`a fault of the program itself: ${describeError(thrown)} (${place ?? 'no place'})`)
  }
}

function withHint(message: string, error: SingerError): string {
  return error.hint === undefined ? message : `${message}. ${error.hint}`
}
