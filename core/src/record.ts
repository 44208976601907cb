import { type Member, objectMembers, type Span } from './json.ts'
import { isValid, type LineBytes } from './lines.ts'
import { type ScannedObject, scanObject } from './scan.ts'

/** A RECORD as read: its exact text and member spans for storing, the parsed record for looking. */
export type ReadRecord = {
  type: 'RECORD'
  line: number
  stream: string
  /** The exact JSON text of the record, an object. */
  readonly text: string
  /** The record's members as spans of `text`. */
  readonly members: Member[]
  /** The record parsed: numbers are doubles here; use `text` where digits matter. */
  readonly record: Record<string, unknown>
  /** Where its bytes lie, until the next message is asked for; who stores it may copy them. */
  readonly bytes?: RecordBytes | undefined
  /** As it came: a usable RFC 3339 text or anything else. */
  timeExtracted: unknown
  /** The digits of an integer. */
  version: string | undefined
}

export type RecordBytes = Pick<ScannedObject, 'end' | 'places' | 'isSuspect' | 'hasEscapedName'> & {
  buffer: Buffer
  start: number
}

/** What a RECORD says beside its record. */
export type Envelope = Pick<ReadRecord, 'stream' | 'timeExtracted' | 'version'>

/** A record of which nobody may want the text: it is made when it is asked for. */
class ScannedRecord implements ReadRecord {
  readonly type = 'RECORD'
  readonly line: number
  readonly stream: string
  readonly timeExtracted: unknown
  readonly version: string | undefined
  readonly bytes: RecordBytes

  constructor(bytes: RecordBytes, line: number, envelope: Envelope) {
    this.line = line
    this.stream = envelope.stream
    this.timeExtracted = envelope.timeExtracted
    this.version = envelope.version
    this.bytes = bytes
  }

  get text(): string {
    return this.bytes.buffer.toString('utf8', this.bytes.start, this.bytes.end)
  }

  get members(): Member[] {
    return objectMembers(this.text).members
  }

  get record(): Record<string, unknown> {
    return JSON.parse(this.text) as Record<string, unknown>
  }
}

/** Reads lines that look like one before; all others must be read with care. */
export type QuickReader = {
  /** The line as a record; undefined where it is none or is not plainly good. */
  read(line: LineBytes): ReadRecord | undefined
  /** Takes note of a line that is one, and of where its record lies. */
  learn(text: string, record: Span): void
}

/** Longer ones that must be looked at as text are read in a way that takes less memory. Bytes. */
const LONG_BYTES = 256 * 1024
/** Streams may take turns. */
const MOST_KNOWN = 16

/**
 * The lines of a stream differ in their records alone, and perhaps in what follows: what is around
 * a record is compared with what was there before, and parsed only where it is another.
 * `parseEnvelope` gets the text of a line without its record, and gives undefined or throws where
 * it says nothing good.
 */
export function createQuickReader(
  parseEnvelope: (text: string, line: number) => Envelope | undefined,
): QuickReader {
  type Known = { before: Buffer; after: Buffer; envelope: Envelope | undefined }
  const known: Known[] = []

  /** Of the record that was given out last. */
  const places: number[] = []

  function find({ buffer, start, end }: LineBytes): Known | undefined {
    for (const [index, one] of known.entries()) {
      if (end - start <= one.before.length || !stands(one.before, buffer, start)) continue
      // The one that was there last will mostly be the next one too.
      if (index > 0) known.unshift(...known.splice(index, 1))
      return one
    }
    return undefined
  }

  function envelopeOf(one: Known, line: LineBytes, from: number): Envelope | undefined {
    const { buffer, end, number } = line
    const isSame = end - from === one.after.length && stands(one.after, buffer, from)
    if (isSame && one.envelope !== undefined) return one.envelope
    const text = buffer.toString('utf8', from, end)
    // Another member `record` would be the one that counts.
    if (/record|\\/.test(text)) return undefined
    one.envelope = parseEnvelope(`${one.before}null${text}`, number)
    one.after = Buffer.from(text)
    return one.envelope
  }

  return {
    read(line) {
      const one = find(line)
      if (one === undefined || !isValid(line)) return undefined
      const { buffer, number } = line
      const start = line.start + one.before.length
      const scanned = scanObject(buffer, start, places)
      // It may have gone on in what lies behind the line.
      if (scanned === undefined || scanned.end > line.end) return undefined
      const { end, isSuspect, hasEscapedName } = scanned
      if (isSuspect && line.end - line.start > LONG_BYTES) return undefined
      const envelope = envelopeOf(one, line, end)
      if (envelope === undefined) return undefined
      const bytes = { buffer, start, end, places, isSuspect, hasEscapedName }
      return new ScannedRecord(bytes, number, envelope)
    },
    learn(text, { start }) {
      const before = Buffer.from(text.slice(0, start))
      if (known.some((one) => one.before.equals(before))) return
      known.unshift({ before, after: Buffer.alloc(0), envelope: undefined })
      known.splice(MOST_KNOWN)
    },
  }
}

/** Whether these bytes stand there. */
function stands(bytes: Buffer, buffer: Buffer, start: number): boolean {
  for (let n = 0; n < bytes.length; n++) if (buffer[start + n] !== bytes[n]) return false
  return true
}
