/**
 * Runs a task with a signal that ends it after so long, or when the given one does; its error is a
 * TimeoutError then. A timer of its own: what AbortSignal.timeout gives may be collected as garbage
 * before its time when only AbortSignal.any knows it.
 */
export async function withTimeout<T>(
  signal: AbortSignal,
  milliseconds: number,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController()
  const timer = setTimeout(
    () => late.abort(new DOMException('it took too long', 'TimeoutError')),
    milliseconds,
  )
  try {
    return await task(AbortSignal.any([signal, late.signal]))
  } finally {
    clearTimeout(timer)
  }
}
