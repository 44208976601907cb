import { type Log, readLines } from '@singer-io-ts/core'

/**
 * Reads what a target prints, and gives each state to `keep` as its exact text, the last one of
 * each burst. What is no state of anything is never kept over a real one.
 */
export async function keepStates(
  output: AsyncIterable<Uint8Array>,
  keep: (text: string) => Promise<void>,
  log: Log,
): Promise<void> {
  const warned = new Set<string>()
  for await (const lines of readLines(output)) {
    let last: string | undefined
    for (const line of lines) {
      const text = line.bytes.toString('utf8')
      const fault = stateFault(text)
      if (fault === undefined) last = text
      else if (!warned.has(fault)) {
        warned.add(fault)
        log.warning(`the target printed ${fault}; the state file keeps what it holds`)
      }
    }
    if (last !== undefined) await keep(last)
  }
}

/** What is wrong with a printed state; undefined for one that says something. */
export function stateFault(text: string): string | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return 'a line that is not JSON'
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return `${value === null ? 'null' : 'a value that is no object'} as its state`
  return Object.keys(value).length === 0 ? 'an empty state, {}' : undefined
}
