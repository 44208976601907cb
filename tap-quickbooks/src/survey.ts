import { describeError, EXIT, type Log, SingerError } from '@singer-io-ts/core'
import { CallLimitReached, QuickbooksError } from './errors.ts'

/** Questions about each stream, of which some may stay without an answer. */
export type Survey = {
  /** The answer for a stream; undefined when it failed, which is said, or the call limit came first. */
  ask<T>(stream: string, question: () => Promise<T>): Promise<T | undefined>
  /** The exit code, with a last line that sums up; throws when all streams failed. */
  conclude(): number
}

export function createSurvey(log: Log): Survey {
  const failures = new Map<string, QuickbooksError>()
  const limited: string[] = []
  let asked = 0
  return {
    async ask(stream, question) {
      asked++
      try {
        return await question()
      } catch (thrown) {
        if (thrown instanceof CallLimitReached) limited.push(stream)
        else if (thrown instanceof QuickbooksError) {
          failures.set(stream, thrown)
          log.error(`${stream}: ${describeError(thrown)}. ${thrown.hint ?? ''}`.trim())
        } else throw thrown
        return undefined
      }
    },
    conclude() {
      const [first] = failures.values()
      if (first !== undefined && failures.size === asked) {
        const isRefused = [...failures.values()].every(({ code }) => code === EXIT.authorisation)
        throw new SingerError(
          isRefused ? EXIT.authorisation : EXIT.source,
          `no stream could be asked for (${[...failures.keys()].join(', ')}): ${first.message}`,
          { hint: first.hint ?? 'Try again once QuickBooks answers.' },
        )
      }
      const missing = [...failures.keys(), ...limited].join(', ')
      if (failures.size > 0) {
        log.warning(`what is printed is not all: without ${missing}; the lines above say why`)
        return EXIT.someStreamsFailed
      }
      if (limited.length > 0) {
        log.warning(`call_limit is reached; what is printed is not all: without ${missing}`)
        return EXIT.callLimit
      }
      return EXIT.done
    },
  }
}
