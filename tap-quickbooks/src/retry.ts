import { setTimeout as pause } from 'node:timers/promises'
import { describeError, type Log } from '@singer-io-ts/core'
import { QuickbooksError } from './errors.ts'

export type RetryOptions = {
  maxAttempts: number
  backoffSeconds: number
  signal: AbortSignal
  log: Log
  /** What is being tried, for the log. */
  what: string
  isRetryable: (thrown: unknown) => boolean
  /** Called before each further try. */
  onRetry?: () => void
}

/** However often it was tried: a day. */
const LONGEST_BACKOFF_SECONDS = 86_400

/** Tries until it works: before try n+1 it waits backoffSeconds · 2^n plus jitter. */
export async function retry<T>(options: RetryOptions, task: () => Promise<T>): Promise<T> {
  const { signal, log } = options
  for (let tries = 1; ; tries++) {
    try {
      return await task()
    } catch (thrown) {
      signal.throwIfAborted()
      if (tries >= options.maxAttempts || !options.isRetryable(thrown)) throw thrown
      const backoff = Math.min(
        options.backoffSeconds * (2 ** tries + Math.random()),
        LONGEST_BACKOFF_SECONDS,
      )
      const wait = Math.max(backoff, pauseOf(thrown))
      log.warning(
        `${options.what}: ${calmly(describeError(thrown))}; ` +
          `try ${tries + 1} of ${options.maxAttempts} in ${wait.toFixed(1)} s`,
      )
      options.onRetry?.()
      await pause(backoff * 1000, undefined, { signal })
    }
  }
}

/** A text without the words that Meltano takes for a failure. */
export function calmly(text: string): string {
  return text.replace(/errors?|exceptions?/gi, 'fault')
}

function pauseOf(thrown: unknown): number {
  return thrown instanceof QuickbooksError ? thrown.pauseSeconds : 0
}
