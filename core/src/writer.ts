import type { Writable } from 'node:stream'
import { ClosedOutputError } from './errors.ts'

/** Lines on their way to a stream. Await what `write` returns: that is the back-pressure. */
export type Writer = {
  /** Adds a line; a promise is returned when the reader is behind and the caller must wait. */
  write(line: string): Promise<void> | undefined
  /** Hands over everything gathered so far and waits until the stream has taken it. */
  flush(): Promise<void>
}

const GATHERED_CHARACTERS = 64 * 1024

/** Gathers lines for few large writes. A reader that has gone makes both functions reject. */
export function createWriter(stream: Writable): Writer {
  let gathered: string[] = []
  let gatheredCharacters = 0
  let closed: ClosedOutputError | undefined
  // A stream that is destroyed does not call back for the write under way.
  const waiting = new Set<(reason: ClosedOutputError) => void>()
  function close(cause?: unknown): void {
    closed ??= new ClosedOutputError(cause)
    for (const reject of waiting) reject(closed)
    waiting.clear()
  }
  stream.on('error', close)
  stream.on('close', () => close())

  function handOver(): Promise<void> {
    const text = gathered.join('')
    gathered = []
    gatheredCharacters = 0
    return new Promise((resolve, reject) => {
      if (closed !== undefined) return reject(closed)
      waiting.add(reject)
      stream.write(text, (cause) => {
        waiting.delete(reject)
        if (cause) reject(new ClosedOutputError(cause))
        else resolve()
      })
    })
  }

  return {
    write(line) {
      gathered.push(line, '\n')
      gatheredCharacters += line.length + 1
      return gatheredCharacters < GATHERED_CHARACTERS ? undefined : handOver()
    },
    flush() {
      return handOver()
    },
  }
}
