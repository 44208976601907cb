import { isUtf8 } from 'node:buffer'
import { type Member, objectMembers, type Span } from './json.ts'
import type { Line } from './lines.ts'
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
  /** Where its bytes lie, until the next messages are asked for; who stores it may copy them. */
  readonly bytes?: RecordBytes | undefined
  /** As it came: a usable RFC 3339 text or anything else. */
  timeExtracted: unknown
  /** The digits of an integer. */
  version: string | undefined
}

export type RecordBytes = ScannedObject & { buffer: Buffer; start: number }

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
  read(line: Line): ReadRecord | undefined
  /** Takes note of a line that is one, and of where its record lies. */
  learn(text: string, record: Span): void
}

/** Longer ones are read in a way that takes less memory. Bytes. */
const MOST_BYTES = 256 * 1024
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

  function find(bytes: Buffer): Known | undefined {
    for (const [index, one] of known.entries()) {
      const { length } = one.before
      if (bytes.length <= length || one.before.compare(bytes, 0, length) !== 0) continue
      // The one that was there last will mostly be the next one too.
      if (index > 0) known.unshift(...known.splice(index, 1))
      return one
    }
    return undefined
  }

  function envelopeOf(one: Known, after: Buffer, line: number): Envelope | undefined {
    if (one.envelope !== undefined && one.after.equals(after)) return one.envelope
    const text = after.toString()
    // Another member `record` would be the one that counts.
    if (/record|\\/.test(text)) return undefined
    one.envelope = parseEnvelope(`${one.before}null${text}`, line)
    one.after = Buffer.from(after)
    return one.envelope
  }

  return {
    read({ bytes, number }) {
      if (bytes.length > MOST_BYTES) return undefined
      const one = find(bytes)
      if (one === undefined || !isUtf8(bytes)) return undefined
      const start = one.before.length
      const scanned = scanObject(bytes, start)
      if (scanned === undefined) return undefined
      const envelope = envelopeOf(one, bytes.subarray(scanned.end), number)
      if (envelope === undefined) return undefined
      return new ScannedRecord(Object.assign(scanned, { buffer: bytes, start }), number, envelope)
    },
    learn(text, { start }) {
      const before = Buffer.from(text.slice(0, start))
      if (known.some((one) => one.before.equals(before))) return
      known.unshift({ before, after: Buffer.alloc(0), envelope: undefined })
      known.splice(MOST_KNOWN)
    },
  }
}
