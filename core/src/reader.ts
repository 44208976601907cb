import { ProtocolError } from './errors.ts'
import { jsonBreak, lastMember, type Member, objectMembers } from './json.ts'
import { decode, type LineBytes, ofStream, type ReaderOptions, readLineBytes } from './lines.ts'
import type { JsonSchema } from './messages.ts'
import { createQuickReader, type Envelope, type QuickReader, type ReadRecord } from './record.ts'

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

/**
 * Bytes → Singer messages, a group for each chunk of input so that a fast reader pays little per
 * message. A group must be read to its end before the next is asked for. Blank lines, CRLF and a
 * byte order mark are accepted. Reading a group throws ProtocolError with the line's number, after
 * all messages before that line were given out.
 */
export async function* readMessages(
  input: AsyncIterable<Uint8Array>,
  options: ReaderOptions = {},
): AsyncGenerator<Iterable<ReadMessage>, void, void> {
  const quick = createQuickReader(parseEnvelope)
  for await (const lines of readLineBytes(input, options)) yield parseLines(lines, quick)
}

function* parseLines(
  lines: Iterable<LineBytes>,
  quick: QuickReader,
): Generator<ReadMessage, void, void> {
  for (const line of lines) yield quick.read(line) ?? parseMessage(decode(line), line.number, quick)
}

function parseMessage(text: string, line: number, quick: QuickReader): ReadMessage {
  const parsed = text.length > LONG_TEXT ? parseLong(text, line) : parseObject(text, line)
  switch (parsed.type) {
    case 'RECORD':
      return parseRecord(text, line, parsed, quick)
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

/** Parsed, a longer text may take many times its size in memory. Characters. */
const LONG_TEXT = 256 * 1024

/** A long message parsed, but for what its record holds. */
function parseLong(text: string, line: number): Record<string, unknown> {
  const members = membersOf(text)
  const json = (name: string): string | undefined => {
    const span = members && lastMember(members, name)
    return span && text.slice(span.start, span.end)
  }
  if (json('type') !== '"RECORD"') return parseObject(text, line)
  const parsed: Record<string, unknown> = { type: 'RECORD' }
  for (const name of ['stream', 'time_extracted', 'version']) {
    const found = json(name)
    if (found !== undefined) parsed[name] = JSON.parse(found)
  }
  return parsed
}

/** The members of a text that is a JSON object, else undefined. */
function membersOf(text: string): Member[] | undefined {
  if (!/^\s*\{/.test(text) || jsonBreak(text) < text.length) return undefined
  try {
    return objectMembers(text).members
  } catch {
    // It ends too early.
    return undefined
  }
}

/** The parts of a record that come from its own text. */
export type OpenedRecord = Pick<ReadRecord, 'text' | 'members' | 'record'>

/**
 * A record's text with its members, and parsed. A long one is parsed when it is asked for, each
 * time. Undefined if it is no JSON object; throws SyntaxError if it is no JSON.
 */
export function openRecord(text: string): OpenedRecord | undefined {
  const members = text.length > LONG_TEXT ? membersOf(text) : undefined
  if (members !== undefined)
    return {
      text,
      members,
      get record() {
        return JSON.parse(text) as Record<string, unknown>
      },
    }
  const record: unknown = JSON.parse(text)
  return isObject(record) ? { text, members: objectMembers(text).members, record } : undefined
}

function parseRecord(
  text: string,
  line: number,
  parsed: Record<string, unknown>,
  quick: QuickReader,
): ReadRecord {
  const envelope = envelopeOf(parsed, text, line)
  const { stream } = envelope
  const span = lastMember(objectMembers(text).members, 'record')
  if (span === undefined || text[span.start] !== '{')
    throw new ProtocolError(line, `the record of stream '${stream}' is not a JSON object`)
  const recordText = text.slice(span.start, span.end)
  const opened =
    parsed.record === undefined
      ? (openRecord(recordText) as OpenedRecord)
      : {
          text: recordText,
          members: objectMembers(recordText).members,
          record: parsed.record as Record<string, unknown>,
        }
  // Into the object itself, for a copy of it would ask for the record.
  quick.learn(text, span)
  return Object.assign(opened, { type: 'RECORD' as const, line, ...envelope })
}

function envelopeOf(parsed: Record<string, unknown>, text: string, line: number): Envelope {
  const stream = streamOf(parsed, line)
  return {
    stream,
    timeExtracted: parsed.time_extracted,
    version: parsed.version === undefined ? undefined : recordVersion(text, line, stream),
  }
}

/** What a line says without its record. */
function parseEnvelope(text: string, line: number): Envelope | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return isObject(parsed) && parsed.type === 'RECORD' ? envelopeOf(parsed, text, line) : undefined
  } catch {
    return undefined
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
  // As a text of its own: a piece of the line would keep all of it in memory.
  if (isBigint(found)) return BigInt(found).toString()
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
