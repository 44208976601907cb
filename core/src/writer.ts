import type { Writable } from 'node:stream'
import { ClosedOutputError } from './errors.ts'

/** Lines on their way to a stream. Await what `write` returns: that is the back-pressure. */
export type Writer = {
  /**
   * Adds a line, which may come in pieces of text and of UTF-8; a promise is returned when the
   * reader is behind and the caller must wait.
   */
  write(line: Line): Promise<void> | undefined
  /** Hands over everything gathered so far and waits until the stream has taken it. */
  flush(): Promise<void>
}

export type Line = string | readonly (string | Uint8Array)[]

const GATHERED_BYTES = 64 * 1024
/** Room for the line that makes it more. */
const ROOM_BYTES = GATHERED_BYTES + 16 * 1024

const NO_ROOM: Buffer = Buffer.alloc(0)
const MOST_SPARE = 8

/**
 * Gathers lines for few large writes. A reader that has gone makes both functions reject. The
 * memory of a write may be used again, `isDoneWith` it, where a stream that calls back has passed
 * the bytes on: stdout has, a stream within the process may only have put them aside.
 */
export function createWriter(stream: Writable, isDoneWith = false): Writer {
  let full: Buffer[] = []
  let fullBytes = 0
  let room = NO_ROOM
  let used = 0
  /** Taken by the stream, to be filled again: new ones would wait for a collection of garbage. */
  const spare: Buffer[] = []
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

  function closeRoom(): void {
    if (used > 0) full.push(room.subarray(0, used))
    fullBytes += used
    room = NO_ROOM
    used = 0
  }

  function gather(piece: string | Uint8Array): void {
    const most = typeof piece === 'string' ? 3 * piece.length : piece.length
    if (used + most > room.length) {
      closeRoom()
      room =
        (most <= ROOM_BYTES && spare.pop()) || Buffer.allocUnsafeSlow(Math.max(ROOM_BYTES, most))
    }
    if (typeof piece === 'string') used += room.write(piece, used)
    else {
      room.set(piece, used)
      used += piece.length
    }
  }

  function handOver(): Promise<void> {
    const last = room
    closeRoom()
    const bytes = full.length === 1 ? (full[0] as Buffer) : Buffer.concat(full)
    full = []
    fullBytes = 0
    return new Promise((resolve, reject) => {
      if (closed !== undefined) return reject(closed)
      waiting.add(reject)
      stream.write(bytes, (cause) => {
        waiting.delete(reject)
        if (isDoneWith && last.length === ROOM_BYTES && spare.length < MOST_SPARE) spare.push(last)
        if (cause) reject(new ClosedOutputError(cause))
        else resolve()
      })
    })
  }

  return {
    write(line) {
      if (typeof line === 'string') gather(line)
      else for (const piece of line) gather(piece)
      gather('\n')
      return fullBytes + used < GATHERED_BYTES ? undefined : handOver()
    },
    flush() {
      return handOver()
    },
  }
}
