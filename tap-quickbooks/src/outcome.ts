import { describeError, EXIT, type Log, SingerError } from '@singer-io-ts/core'
import { CallLimitReached, QuickbooksError } from './errors.ts'

/** How the streams of a run end. */
export type Outcome = {
  /** Runs a task of a stream; its failure stops only that one. */
  guard(name: string, task: () => Promise<void>): Promise<void>
  /** Runs what is done for all streams besides reading them; its failure leaves none unread. */
  guardSide(name: string, task: () => Promise<void>): Promise<void>
  /** Takes note of what could not be read of a stream that was read otherwise. */
  leaveOut(name: string, failure: QuickbooksError): void
  /** Seconds spent on each stream. */
  readonly seconds: ReadonlyMap<string, number>
  /** The exit code of the run with so many selected streams; throws when all of them failed. */
  conclude(streams: number): number
}

export function createOutcome(log: Log): Outcome {
  const failures = new Map<string, QuickbooksError>()
  const seconds = new Map<string, number>()
  const sideFailures = new Map<string, QuickbooksError>()
  let isLimited = false

  function say(name: string, failure: QuickbooksError): void {
    log.error(`${name}: ${describeError(failure)}. ${failure.hint ?? ''}`.trim())
  }

  /** Gives the failure that was caught and said, if any. */
  async function watch(
    name: string,
    task: () => Promise<void>,
  ): Promise<QuickbooksError | undefined> {
    try {
      await task()
    } catch (thrown) {
      if (thrown instanceof CallLimitReached) isLimited = true
      else if (thrown instanceof QuickbooksError) {
        say(name, thrown)
        return thrown
      } else throw thrown
    }
    return undefined
  }

  return {
    seconds,
    async guard(name, task) {
      const start = performance.now()
      try {
        const failure = await watch(name, task)
        if (failure !== undefined) failures.set(name, failure)
      } finally {
        seconds.set(name, (performance.now() - start) / 1000)
      }
    },
    async guardSide(name, task) {
      const failure = await watch(name, task)
      if (failure !== undefined) sideFailures.set(name, failure)
    },
    leaveOut(name, failure) {
      say(name, failure)
      sideFailures.set(name, failure)
    },
    conclude(streams) {
      const failed = new Map([...failures, ...sideFailures])
      const names = [...failed.keys()].join(', ')
      const isLasting = [...failed.values()].some((failure) => !failure.retryable)
      if (failures.size > 0 && failures.size >= streams) {
        const codes = [...failures.values()].map((failure) => failure.code)
        const code = codes.every((one) => one === EXIT.authorisation)
          ? EXIT.authorisation
          : EXIT.source
        const first = [...failures.values()][0]
        throw new SingerError(code, `no stream could be finished (${names}): ${first?.message}`, {
          hint:
            first?.hint ??
            (first?.retryable
              ? 'The STATE is good: run again with it once QuickBooks answers.'
              : 'The STATE is good; the same request will be refused again. With the intuit_tid, Intuit can say why.'),
        })
      }
      if (failed.size > 0) {
        log.warning(
          `finished, but not all of it: ${names} failed` +
            `${isLimited ? ', and call_limit was reached' : ''}. The STATE is good: ` +
            (isLasting
              ? 'mend what the lines above name, then run again.'
              : 'run again once QuickBooks answers.'),
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
