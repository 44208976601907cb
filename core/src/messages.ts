/**
 * The Singer messages, as they stand on the wire (one JSON object a line, UTF-8):
 * https://github.com/singer-io/getting-started/blob/master/docs/SPEC.md
 */

/** A JSON Schema, passed through untouched. */
export type JsonSchema = { [key: string]: unknown }

/** `{"type":"SCHEMA","stream":"invoices","schema":{…},"key_properties":["Id"]}` */
export type SchemaMessage = {
  type: 'SCHEMA'
  stream: string
  schema: JsonSchema
  key_properties: readonly string[]
  bookmark_properties?: readonly string[]
}

/** What a RECORD says beside its record: `version` an integer, `time_extracted` RFC 3339. */
export type RecordOptions = { version?: number | undefined; timeExtracted?: string | undefined }

/** A SCHEMA line. */
export function formatSchema(message: Omit<SchemaMessage, 'type'>): string {
  return JSON.stringify({ type: 'SCHEMA', ...message })
}

/**
 * A RECORD line around `record`, the record's own JSON text, which is passed on to the letter.
 * Only line breaks between its members become blanks: a message is one line.
 */
export function formatRecord(stream: string, record: string, options: RecordOptions = {}): string {
  // Inside JSON strings line breaks are always escaped.
  const line =
    record.includes('\n') || record.includes('\r') ? record.replace(/[\r\n]/g, ' ') : record
  return `${recordHead(stream)}${line}${recordTail(options)}`
}

/** What stands around a record: the line is `head`, the record without its last brace, `tail`. */
export type RecordFrame = { head: Buffer; tail: Buffer }

/**
 * For RECORD lines around records in UTF-8, to each of which `more` members are added, as JSON text
 * without braces. A record must have a member, end with its brace, and have no line break between
 * its members.
 */
export function recordFrame(
  stream: string,
  more: string,
  options: RecordOptions = {},
): RecordFrame {
  const tail = `${more === '' ? '' : ','}${more}}${recordTail(options)}`
  return { head: Buffer.from(recordHead(stream)), tail: Buffer.from(tail) }
}

function recordHead(stream: string): string {
  return `{"type":"RECORD","stream":${JSON.stringify(stream)},"record":`
}

function recordTail({ version, timeExtracted }: RecordOptions): string {
  const time =
    timeExtracted === undefined ? '' : `,"time_extracted":${JSON.stringify(timeExtracted)}`
  return `${version === undefined ? '' : `,"version":${version}`}${time}}`
}

/** A STATE line. */
export function formatState(value: unknown): string {
  return JSON.stringify({ type: 'STATE', value })
}

/** An ACTIVATE_VERSION line: rows of an older or no version are no longer part of the stream. */
export function formatActivateVersion(stream: string, version: number): string {
  return JSON.stringify({ type: 'ACTIVATE_VERSION', stream, version })
}
