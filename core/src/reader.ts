import { isAscii, isUtf8 } from 'node:buffer'
import { ProtocolError } from './errors.ts'
import { jsonBreak, lastMember, type Member, objectMembers } from './json.ts'
import type { JsonSchema } from './messages.ts'

/** A RECORD as read: the parsed record for looking, its exact text and member spans for storing. */
export type ReadRecord = {
  type: 'RECORD'
  line: number
  stream: string
  /** The exact JSON text of the record, an object. */
  text: string
  /** The record's members as spans of `text`. */
  members: Member[]
  /** The record parsed: numbers are doubles here; use `text` where digits matter. */
  record: Record<string, unknown>
  /** As it came: a usable RFC 3339 text or anything else. */
  timeExtracted: unknown
  /** The digits of an integer. */
  version: string | undefined
}

export type ReadSchema = {
  type: 'SCHEMA'
  line: number
  stream: string
  schema: JsonSchema
  keyProperties: string[]
}
/** `text` is the exact JSON text of the value. */
export type ReadState = { type: 'STATE'; line: number; text: string; value: unknown }
export type ReadActivateVersion = {
  type: 'ACTIVATE_VERSION'
  line: number
  stream: string
  /** The digits of an integer; undefined where it is missing or is none of at most 64 bits. */
  version: string | undefined
}
export type ReadBatch = {
  type: 'BATCH'
  line: number
  stream: string
  encoding: unknown
  manifest: unknown
}
export type ReadMessage = ReadSchema | ReadRecord | ReadState | ReadActivateVersion | ReadBatch

export type ReaderOptions = {
  /** A longer line is refused, since a line must fit in memory. Bytes; default 64 MiB. */
  maxLineBytes?: number
}

/**
 * Bytes → Singer messages, a group for each chunk of input so that a fast reader pays little per
 * message. Blank lines, CRLF and a byte order mark are accepted. Throws ProtocolError with the
 * line's number, after all messages before that line were given out.
 */
export async function* readMessages(
  input: AsyncIterable<Uint8Array>,
  options: ReaderOptions = {},
): AsyncGenerator<ReadMessage[], void, void> {
  for await (const lines of readLines(input, options)) {
    const messages: ReadMessage[] = []
    let fault: unknown
    for (const line of lines) {
      try {
        messages.push(parseMessage(decode(line), line.number))
      } catch (thrown) {
        fault = thrown
        break
      }
    }
    if (messages.length > 0) yield messages
    if (fault !== undefined) throw fault
  }
}

/** A line's bytes without its end, and its number from 1. */
export type Line = { number: number; bytes: Buffer }

/** Bytes → lines, without the blank ones. The last line needs no newline. */
export async function* readLines(
  input: AsyncIterable<Uint8Array>,
  options: ReaderOptions = {},
): AsyncGenerator<Line[], void, void> {
  const maxBytes = options.maxLineBytes ?? 64 * 1024 * 1024
  let waiting: Buffer[] = []
  let waitingBytes = 0
  let number = 0
  const take = (bytes: Buffer): Line => {
    number++
    // Not only in line 1: files that were put together with cat have more of them.
    const start = bytes.length >= 3 && bytes.readUIntBE(0, 3) === BOM ? 3 : 0
    const end = bytes[bytes.length - 1] === CR ? bytes.length - 1 : bytes.length
    return { number, bytes: bytes.subarray(start, end) }
  }
  for await (const data of input) {
    const chunk = Buffer.isBuffer(data)
      ? data
      : Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    const lines: Line[] = []
    let tooLong: ProtocolError | undefined
    let from = 0
    while (from < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, from)
      const part = chunk.subarray(from, newline === -1 ? chunk.length : newline)
      if (waitingBytes + part.length > maxBytes) {
        tooLong = lineTooLong(number + 1, Buffer.concat([...waiting, part]), maxBytes)
        break
      }
      if (newline === -1) {
        waiting.push(part)
        waitingBytes += part.length
        break
      }
      const line = take(waiting.length === 0 ? part : Buffer.concat([...waiting, part]))
      waiting = []
      waitingBytes = 0
      if (!isBlank(line.bytes)) lines.push(line)
      from = newline + 1
    }
    if (lines.length > 0) yield lines
    if (tooLong !== undefined) throw tooLong
  }
  if (waitingBytes > 0) {
    const line = take(Buffer.concat(waiting))
    if (!isBlank(line.bytes)) yield [line]
  }
}

const NEWLINE = 0x0a
const CR = 0x0d
const BOM = 0xefbbbf

function isBlank(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte !== 0x20 && byte !== 0x09 && byte !== CR) return false
  return true
}

function lineTooLong(number: number, start: Buffer, maxBytes: number): ProtocolError {
  const what = `the line${ofStream(start.toString('utf8', 0, 4096))}`
  return new ProtocolError(
    number,
    `${what} is longer than ${maxBytes} bytes, the most that one line may hold`,
  )
}

function decode(line: Line): string {
  if (isAscii(line.bytes)) return line.bytes.toString('latin1')
  const text = line.bytes.toString('utf8')
  if (isUtf8(line.bytes)) return text
  throw new ProtocolError(line.number, `the bytes${ofStream(text)} are not valid UTF-8`)
}

/** `stream` of a line that cannot be parsed; only plain values may stand before it. */
const STREAM =
  /^\s*\{(?:\s*"(?:[^"\\]|\\.)*"\s*:\s*(?:"(?:[^"\\]|\\.)*"|[-+.\w]+)\s*,)*?\s*"stream"\s*:\s*("(?:[^"\\]|\\.){1,200}")/

function ofStream(text: string): string {
  const quoted = STREAM.exec(text.slice(0, 4096))?.[1]
  if (quoted === undefined) return ''
  try {
    return ` of stream '${JSON.parse(quoted)}'`
  } catch {
    return ''
  }
}

function parseMessage(text: string, line: number): ReadMessage {
  const parsed = parseObject(text, line)
  switch (parsed.type) {
    case 'RECORD':
      return parseRecord(text, line, parsed)
    case 'SCHEMA':
      return parseSchema(line, parsed)
    case 'STATE': {
      const value = lastMember(objectMembers(text).members, 'value')
      if (value === undefined) throw new ProtocolError(line, "a STATE message has no 'value'")
      return {
        type: 'STATE',
        line,
        text: text.slice(value.start, value.end),
        value: parsed.value,
      }
    }
    case 'ACTIVATE_VERSION': {
      const stream = streamOf(parsed, line)
      const found = versionText(text)
      const version = found !== undefined && isBigint(found) ? found : undefined
      return { type: 'ACTIVATE_VERSION', line, stream, version }
    }
    case 'BATCH':
      return {
        type: 'BATCH',
        line,
        stream: streamOf(parsed, line),
        encoding: parsed.encoding,
        manifest: parsed.manifest,
      }
    case undefined:
      throw new ProtocolError(line, "not a Singer message: the object has no 'type'")
    default:
      throw new ProtocolError(
        line,
        `unknown message type ${describeType(parsed.type)}; ` +
          'known are SCHEMA, RECORD, STATE, ACTIVATE_VERSION and BATCH',
      )
  }
}

function parseObject(text: string, line: number): Record<string, unknown> {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    if (!/^\s*\{/.test(text)) {
      throw new ProtocolError(
        line,
        `not a Singer message, it begins with ${JSON.stringify(text.slice(0, 20))}`,
        { hint: 'Only Singer messages may come on this input; send logs to stderr.' },
      )
    }
    // V8's own message differs between versions and does not always have the place.
    const position = jsonBreak(text)
    if (position === text.length)
      throw new ProtocolError(line, `the line${ofStream(text)} ends inside its JSON`, {
        hint: 'The program before this one was probably stopped while it wrote.',
      })
    const found = JSON.stringify(text.slice(position, position + 20))
    throw new ProtocolError(
      line,
      `the line${ofStream(text)} is not valid JSON from position ${position} on: ${found}`,
    )
  }
  if (!isObject(parsed)) throw new ProtocolError(line, 'not a Singer message: not a JSON object')
  return parsed
}

function parseRecord(text: string, line: number, parsed: Record<string, unknown>): ReadRecord {
  const stream = streamOf(parsed, line)
  const record = parsed.record
  if (!isObject(record))
    throw new ProtocolError(line, `the record of stream '${stream}' is not a JSON object`)
  const span = lastMember(objectMembers(text).members, 'record') as Member
  const recordText = text.slice(span.start, span.end)
  return {
    type: 'RECORD',
    line,
    stream,
    text: recordText,
    members: objectMembers(recordText).members,
    record,
    timeExtracted: parsed.time_extracted,
    version: parsed.version === undefined ? undefined : recordVersion(text, line, stream),
  }
}

function parseSchema(line: number, parsed: Record<string, unknown>): ReadSchema {
  const stream = streamOf(parsed, line)
  const schema = parsed.schema
  if (!isObject(schema))
    throw new ProtocolError(line, `the SCHEMA of stream '${stream}' has no 'schema' object`)
  const keys = parsed.key_properties ?? []
  if (!Array.isArray(keys) || keys.some((key) => typeof key !== 'string'))
    throw new ProtocolError(line, `key_properties of stream '${stream}' is not a list of names`)
  return { type: 'SCHEMA', line, stream, schema, keyProperties: keys as string[] }
}

function streamOf(parsed: Record<string, unknown>, line: number): string {
  const stream = parsed.stream
  if (typeof stream === 'string' && stream !== '') return stream
  throw new ProtocolError(
    line,
    stream === '' ? "'stream' is an empty name" : `a ${String(parsed.type)} without 'stream'`,
  )
}

function describeType(type: unknown): string {
  if (typeof type === 'string') return JSON.stringify(type.slice(0, 60))
  return Array.isArray(type) ? 'of an array' : `of kind ${type === null ? 'null' : typeof type}`
}

function recordVersion(text: string, line: number, stream: string): string | undefined {
  const found = versionText(text)
  if (found === undefined || found === 'null') return undefined
  if (isBigint(found)) return found
  throw new ProtocolError(
    line,
    `'version' of stream '${stream}' must be an integer of at most 64 bits, found ${found.slice(0, 40)}`,
  )
}

/** The exact JSON text of a message's version. */
function versionText(text: string): string | undefined {
  const span = lastMember(objectMembers(text).members, 'version')
  return span && text.slice(span.start, span.end)
}

/** Whether these are the digits of an integer that a bigint column can hold. */
function isBigint(text: string): boolean {
  return /^-?\d{1,19}$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
