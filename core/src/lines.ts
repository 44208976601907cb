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

/** Bytes → lines, without the blank ones. The last line needs no newline. */
export async function* readLines(
  input: AsyncIterable<Uint8Array>,
  options: ReaderOptions = {},
): AsyncGenerator<Line[], void, void> {
  const split = createSplitter(options.maxLineBytes ?? 64 * 1024 * 1024)
  for await (const chunk of input) {
    const { lines, fault } = split(chunk)
    if (lines.length > 0) yield lines
    if (fault !== undefined) throw fault
  }
  const { lines } = split(undefined)
  if (lines.length > 0) yield lines
}

const NEWLINE = 0x0a
const CR = 0x0d
const BOM = 0xefbbbf
const NOTHING = Buffer.alloc(0)

type Split = (chunk: Uint8Array | undefined) => { lines: Line[]; fault?: ProtocolError }

/** Gives the lines that end in a chunk; undefined as the chunk is the end of the input. */
function createSplitter(maxBytes: number): Split {
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

  function takeBegun(): Buffer {
    const bytes = begun.subarray(0, begunBytes)
    begunBytes = 0
    return bytes
  }

  function add(lines: Line[], bytes: Buffer): void {
    number++
    // Not only in line 1: files that were put together with cat have more of them.
    const start = bytes.length >= 3 && bytes.readUIntBE(0, 3) === BOM ? 3 : 0
    const end = bytes[bytes.length - 1] === CR ? bytes.length - 1 : bytes.length
    const line = bytes.subarray(start, end)
    if (!isBlank(line)) lines.push({ number, bytes: line })
  }

  return (data) => {
    const lines: Line[] = []
    gather(rest)
    rest = NOTHING
    if (data === undefined) {
      if (begunBytes > 0) add(lines, takeBegun())
      return { lines }
    }
    const chunk = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    for (let from = 0; from < chunk.length; ) {
      const newline = chunk.indexOf(NEWLINE, from)
      const part = chunk.subarray(from, newline === -1 ? chunk.length : newline)
      if (begunBytes + part.length > maxBytes) {
        const head = Buffer.concat([begun.subarray(0, begunBytes), part], HEAD_BYTES)
        return { lines, fault: lineTooLong(number + 1, head, maxBytes) }
      }
      if (newline === -1) {
        rest = part
        break
      }
      if (begunBytes === 0) add(lines, part)
      else {
        gather(part)
        add(lines, takeBegun())
      }
      from = newline + 1
    }
    return { lines }
  }
}

function isBlank(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte !== 0x20 && byte !== 0x09 && byte !== CR) return false
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
export function decode(line: Line): string {
  if (isAscii(line.bytes)) return line.bytes.toString('latin1')
  const text = line.bytes.toString('utf8')
  if (isUtf8(line.bytes)) return text
  throw new ProtocolError(line.number, `the bytes${ofStream(text)} are not valid UTF-8`)
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
