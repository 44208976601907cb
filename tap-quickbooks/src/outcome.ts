import { describeError, EXIT, type Log, SingerError } from '@singer-io-ts/core'
import { CallLimitReached, QuickbooksError } from './errors.ts'

/** How the streams of a run end. */
export type Outcome = {
  /** Runs a task of a stream (or several, joined with a comma); its failure stops only that one. */
  guard(name: string, task: () => Promise<void>): Promise<void>
  /** Runs tasks at the same time and waits for all, then throws the first failure. */
  all(tasks: readonly (() => Promise<void>)[]): Promise<void>
  /** Seconds spent on each stream. */
  readonly seconds: ReadonlyMap<string, number>
  /** The exit code of the run with so many streams; throws when all of them failed. */
  conclude(streams: number): number
}

export function createOutcome(log: Log): Outcome {
  const failures = new Map<string, QuickbooksError>()
  const seconds = new Map<string, number>()
  let isLimited = false
  return {
    seconds,
    async guard(name, task) {
      const start = performance.now()
      try {
        await task()
      } catch (thrown) {
        if (thrown instanceof CallLimitReached) isLimited = true
        else if (thrown instanceof QuickbooksError) {
          for (const stream of name.split(',')) failures.set(stream, thrown)
          log.error(`${name}: ${describeError(thrown)}. ${thrown.hint ?? ''}`.trim())
        } else throw thrown
      } finally {
        seconds.set(name, (performance.now() - start) / 1000)
      }
    },
    async all(tasks) {
      const results = await Promise.allSettled(tasks.map((task) => task()))
      const failed = results.find((result) => result.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    },
    conclude(streams) {
      const names = [...failures.keys()].join(', ')
      if (failures.size > 0 && failures.size >= streams) {
        const codes = [...failures.values()].map((failure) => failure.code)
        const code = codes.every((one) => one === EXIT.authorisation)
          ? EXIT.authorisation
          : EXIT.source
        const first = [...failures.values()][0]
        throw new SingerError(code, `no stream could be finished (${names}): ${first?.message}`, {
          hint: first?.hint ?? 'The STATE is good: run again with it once QuickBooks answers.',
        })
      }
      if (failures.size > 0) {
        log.warning(
          `finished, but not all streams: ${names} failed. Run again with the last STATE.`,
        )
        return EXIT.someStreamsFailed
      }
      if (isLimited) {
        log.warning('call_limit is reached; the STATE is good, the next run goes on from there.')
        return EXIT.callLimit
      }
      return EXIT.done
    },
  }
}
