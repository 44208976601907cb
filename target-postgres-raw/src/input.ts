/** Nothing came until the deadline. */
export const DUE: unique symbol = Symbol('due')

/**
 * What the input gives, and DUE whenever the deadline (by performance.now()) has passed, also
 * while the input is silent. Throws the signal's reason as soon as it aborts.
 */
export async function* untilDue<T>(
  input: AsyncIterable<T>,
  deadline: () => number | undefined,
  signal: AbortSignal,
): AsyncGenerator<T | typeof DUE, void, void> {
  const iterator = input[Symbol.asyncIterator]()
  let next = iterator.next()
  next.catch(() => {})
  for (;;) {
    signal.throwIfAborted()
    const at = deadline()
    const result = at !== undefined && at <= performance.now() ? DUE : await race(next, at, signal)
    if (result === DUE) {
      yield DUE
      continue
    }
    if (result.done) return
    yield result.value
    next = iterator.next()
    next.catch(() => {})
  }
}

/** For a longer one Node takes a millisecond. */
export const LONGEST_TIMER_MS: number = 2 ** 31 - 1

function race<T>(
  next: Promise<T>,
  deadline: number | undefined,
  signal: AbortSignal,
): Promise<T | typeof DUE> {
  return new Promise((resolve, reject) => {
    const stop = () => settle(() => reject(signal.reason))
    const timer =
      deadline === undefined
        ? undefined
        : setTimeout(
            () => settle(() => resolve(DUE)),
            Math.min(deadline - performance.now(), LONGEST_TIMER_MS),
          )
    const settle = (end: () => void) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', stop)
      end()
    }
    signal.addEventListener('abort', stop, { once: true })
    next.then(
      (value) => settle(() => resolve(value)),
      (cause) => settle(() => reject(cause)),
    )
  })
}
