import { isAscii, isUtf8 } from 'node:buffer'
import { ProtocolError } from './errors.ts'

export type ReaderOptions = {
  /** A longer line is refused, since a line must fit in memory. Bytes; default 64 MiB. */
  maxLineBytes?: number
}

/**
 * A line's bytes without its end, and its number from 1. The bytes of a line that did not come in
 * one piece are good until the next lines are asked for.
 */
export type Line = { number: number; bytes: Buffer }

/** A line where it lies; to be done with before the next one is asked for. */
export type LineBytes = {
  number: number
  buffer: Buffer
  start: number
  end: number
  isAscii: boolean
}

/**
 * Bytes → lines, without the blank ones. The last line needs no newline. A piece of the input is
 * looked at again when the next one is there: its memory must not be used for that.
 */
export async function* readLines(
  input: AsyncIterable<Uint8Array>,
  options: ReaderOptions = {},
): AsyncGenerator<Line[], void, void> {
  for await (const group of readLineBytes(input, options)) {
    const { lines, fault } = takeLines(group)
    if (lines.length > 0) yield lines
    if (fault !== undefined) throw fault
  }
}

function takeLines(group: Iterable<LineBytes>): { lines: Line[]; fault?: unknown } {
  const lines: Line[] = []
  try {
    for (const line of group) lines.push({ number: line.number, bytes: bytesOf(line) })
    return { lines }
  } catch (fault) {
    return { lines, fault }
  }
}

function bytesOf({ buffer, start, end }: LineBytes): Buffer {
  return buffer.subarray(start, end)
}

/**
 * The same for a fast reader: the lines that end in a piece of the input, one at a time. They must
 * be read to their end before the next ones are asked for, and throw where one is too long.
 */
export async function* readLineBytes(
  input: AsyncIterable<Uint8Array>,
  options: ReaderOptions = {},
): AsyncGenerator<Iterable<LineBytes>, void, void> {
  const { split, last } = createSplitter(options.maxLineBytes ?? 64 * 1024 * 1024)
  for await (const chunk of input) yield split(chunk)
  yield last()
}

const NEWLINE = 0x0a
const CR = 0x0d
const BOM: readonly number[] = [0xef, 0xbb, 0xbf]
const NOTHING = Buffer.alloc(0)

type Lines = Generator<LineBytes, void, void>

function createSplitter(maxBytes: number): {
  split(chunk: Uint8Array): Lines
  /** After the end of the input. */
  last(): Lines
} {
  let number = 0
  /** The beginning of a line; the same memory for all, so that a long one is there but once. */
  let begun = Buffer.allocUnsafeSlow(64 * 1024)
  let begunBytes = 0
  /** Its last part: gathered when the lines that were given out are done with. */
  let rest: Buffer = NOTHING

  function gather(part: Buffer): void {
    const bytes = begunBytes + part.length
    if (bytes > begun.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(bytes, 2 * begun.length))
      begun.copy(larger, 0, 0, begunBytes)
      begun = larger
    }
    part.copy(begun, begunBytes)
    begunBytes = bytes
  }

  function gatherRest(): void {
    gather(rest)
    rest = NOTHING
  }

  function takeBegun(): LineBytes | undefined {
    const end = begunBytes
    begunBytes = 0
    return lineOf(begun, 0, end, isAscii(begun.subarray(0, end)))
  }

  /** Undefined for a blank one. */
  function lineOf(buffer: Buffer, from: number, to: number, isAscii: boolean) {
    number++
    // Not only in line 1: files that were put together with cat have more of them.
    const start = BOM.every((byte, n) => buffer[from + n] === byte && from + n < to)
      ? from + 3
      : from
    const end = to > start && buffer[to - 1] === CR ? to - 1 : to
    return isBlank(buffer, start, end) ? undefined : { number, buffer, start, end, isAscii }
  }

  function* split(data: Uint8Array): Lines {
    gatherRest()
    const chunk = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    const isPlain = isAscii(chunk)
    for (let from = 0; from < chunk.length; ) {
      const newline = chunk.indexOf(NEWLINE, from)
      const to = newline === -1 ? chunk.length : newline
      if (begunBytes + to - from > maxBytes) {
        const parts = [begun.subarray(0, begunBytes), chunk.subarray(from, to)]
        throw lineTooLong(number + 1, Buffer.concat(parts, HEAD_BYTES), maxBytes)
      }
      if (newline === -1) {
        rest = chunk.subarray(from)
        return
      }
      let line: LineBytes | undefined
      if (begunBytes === 0) line = lineOf(chunk, from, to, isPlain)
      else {
        gather(chunk.subarray(from, to))
        line = takeBegun()
      }
      if (line !== undefined) yield line
      from = newline + 1
    }
  }

  function* last(): Lines {
    gatherRest()
    const line = begunBytes > 0 ? takeBegun() : undefined
    if (line !== undefined) yield line
  }

  return { split, last }
}

function isBlank(buffer: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = buffer[at]
    if (byte !== 0x20 && byte !== 0x09 && byte !== CR) return false
  }
  return true
}

/** In these the stream of a line is looked for. */
const HEAD_BYTES = 4096

function lineTooLong(number: number, start: Buffer, maxBytes: number): ProtocolError {
  const what = `the line${ofStream(start.toString('utf8'))}`
  return new ProtocolError(
    number,
    `${what} is longer than ${maxBytes} bytes, the most that one line may hold`,
  )
}

/** A line's text; throws ProtocolError where it is none. */
export function decode(line: LineBytes): string {
  const bytes = bytesOf(line)
  if (line.isAscii) return bytes.toString('latin1')
  const text = bytes.toString('utf8')
  if (isValid(line)) return text
  throw new ProtocolError(line.number, `the bytes${ofStream(text)} are not valid UTF-8`)
}

export function isValid(line: LineBytes): boolean {
  return line.isAscii || isUtf8(bytesOf(line))
}

/** `stream` of a line that cannot be parsed; only plain values may stand before it. */
const STREAM =
  /^\s*\{(?:\s*"(?:[^"\\]|\\.)*"\s*:\s*(?:"(?:[^"\\]|\\.)*"|[-+.\w]+)\s*,)*?\s*"stream"\s*:\s*("(?:[^"\\]|\\.){1,200}")/

/** For a message: ` of stream 's'` where a line that cannot be parsed names one. */
export function ofStream(text: string): string {
  const quoted = STREAM.exec(text.slice(0, HEAD_BYTES))?.[1]
  if (quoted === undefined) return ''
  try {
    return ` of stream '${JSON.parse(quoted)}'`
  } catch {
    return ''
  }
}
