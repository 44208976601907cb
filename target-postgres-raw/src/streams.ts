import { createHash } from 'node:crypto'
import {
  type JsonSchema,
  type Log,
  ProtocolError,
  type ReadRecord,
  type ReadSchema,
} from '@singer-io-ts/core'
import { replaceInText } from './characters.ts'
import { type Instant, isEarlier } from './instant.ts'
import { makeRow, type Row } from './row.ts'
import * as sql from './sql.ts'
import type { Store } from './store.ts'
import type { Table } from './table.ts'
import { compileValidator, type Validate } from './validate.ts'

/** What is known of one stream in this run. */
export type Stream = {
  name: string
  table: Table
  /** The schema's hash, to see when another one comes. */
  schemaDigest: string
  validate: Validate | undefined
  newest: Instant | undefined
  warned: Set<string>
  /** Records with characters that Postgres cannot store. */
  replaced: number
}

export type Streams = {
  /** Takes a SCHEMA: finds or makes the table. Another key than before is bad input. */
  declare(message: ReadSchema): Promise<void>
  /** A record's row; throws ProtocolError when the record cannot be taken. */
  rowOf(record: ReadRecord, place?: string): Row
  find(name: string): Stream | undefined
  all(): Iterable<Stream>
}

export function createStreams(
  store: Store,
  settings: { schema: string; validateRecords: boolean },
  log: Log,
): Streams {
  const streams = new Map<string, Stream>()

  function warnOnce(stream: Stream, what: string, line: number, message: string): void {
    if (stream.warned.has(what)) return
    stream.warned.add(what)
    log.warning(`stream '${stream.name}', line ${line}: ${message}`, { stream: stream.name })
  }

  return {
    async declare({ stream: name, keyProperties, schema, line }) {
      const known = streams.get(name)
      const schemaDigest = digest(name, line, schema)
      refuseUnstorableKey(name, line, keyProperties)
      const before = known?.table.keyProperties
      if (before !== undefined) refuseOtherKey(name, line, before, keyProperties)
      const validate =
        !settings.validateRecords || known?.schemaDigest === schemaDigest
          ? known?.validate
          : await compileValidator(schema, name, line)
      if (known !== undefined) {
        Object.assign(known, { schemaDigest, validate })
        return
      }
      const found = await store.prepareTable(name, keyProperties)
      refuseOtherKey(name, line, found.keyProperties, keyProperties)
      for (const other of streams.values())
        if (other.table.name === found.name)
          throw new ProtocolError(
            line,
            `streams '${other.name}' and '${name}' differ only in characters that Postgres cannot store`,
          )
      const number = streams.size + 1
      const qualified = sql.qualified(settings.schema, found.name)
      streams.set(name, {
        name,
        table: { ...found, stream: name, number, qualified, keyProperties },
        schemaDigest,
        validate,
        newest: undefined,
        warned: new Set(),
        replaced: 0,
      })
    },

    rowOf(record, place) {
      const stream = streams.get(record.stream)
      if (stream === undefined)
        throw new ProtocolError(
          record.line,
          `a RECORD of stream '${record.stream}' came before its SCHEMA`,
        )
      stream.validate?.(record)
      const row = makeRow(record, stream.table, place)
      for (const name of row.unusable)
        warnOnce(
          stream,
          name,
          row.line,
          `'${name}' is not what its column holds; the column stays empty`,
        )
      if (row.payloadSource !== undefined || row.id !== row.exactId) {
        stream.replaced++
        warnOnce(
          stream,
          '\\u0000',
          row.line,
          'has \\u0000 or half a surrogate pair, which Postgres cannot store; U+FFFD stands in its place',
        )
      }
      if (!isEarlier(row.extractedAt, stream.newest))
        stream.newest = row.extractedAt ?? stream.newest
      return row
    },

    find: (name) => streams.get(name),
    all: () => streams.values(),
  }
}

function digest(stream: string, line: number, schema: JsonSchema): string {
  let text: string
  try {
    text = JSON.stringify(schema)
  } catch (cause) {
    // Only the depth can be at fault: the schema came out of JSON.
    throw new ProtocolError(line, `the schema of stream '${stream}' is nested too deep`, { cause })
  }
  return createHash('sha256').update(text).digest('hex')
}

function refuseUnstorableKey(stream: string, line: number, keys: readonly string[]): void {
  const bad = keys.find((key) => replaceInText(key) !== key)
  if (bad === undefined) return
  throw new ProtocolError(
    line,
    `key_properties of stream '${stream}' has the name ${JSON.stringify(bad)}: ` +
      'Postgres cannot store \\u0000 or half a surrogate pair',
  )
}

function refuseOtherKey(
  stream: string,
  line: number,
  before: readonly string[],
  now: readonly string[],
): void {
  if (before.length === now.length && before.every((key, index) => key === now[index])) return
  throw new ProtocolError(
    line,
    `key_properties of stream '${stream}' were ${JSON.stringify(before)} and are now ${JSON.stringify(now)}`,
    {
      hint: 'Rows of both keys cannot share a table: load the stream under another name or prefix, or drop its table and its row in _singer_streams.',
    },
  )
}
