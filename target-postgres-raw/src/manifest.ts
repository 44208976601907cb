import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { createGunzip } from 'node:zlib'
import {
  type Line,
  openRecord,
  ProtocolError,
  type ReadBatch,
  type ReaderOptions,
  type ReadRecord,
  readLines,
} from '@singer-io-ts/core'

/** A record of a BATCH file, and where it stands there. */
export type FileRecord = { record: ReadRecord; place: string }

/** The records of the files that a BATCH message names: a bare JSON object a line. */
export async function* readManifest(
  message: ReadBatch,
  options: ReaderOptions = {},
): AsyncGenerator<FileRecord[], void, void> {
  const { line, stream } = message
  const isGzip = readEncoding(message)
  for (const path of readPaths(message))
    for await (const lines of readFileLines(message, path, isGzip, options))
      yield lines.map(({ number, bytes }) => {
        const place = `${path}, line ${number}`
        return { record: parseRecord(bytes, line, stream, place), place }
      })
}

async function* readFileLines(
  { line, stream }: ReadBatch,
  path: string,
  isGzip: boolean,
  options: ReaderOptions,
): AsyncGenerator<Line[], void, void> {
  try {
    yield* readLines(open(path, isGzip), options)
  } catch (cause) {
    throw new ProtocolError(line, `a BATCH of stream '${stream}': ${path} cannot be read`, {
      cause,
    })
  }
}

function readEncoding({ line, stream, encoding }: ReadBatch): boolean {
  const { format, compression } = (encoding ?? {}) as { format?: unknown; compression?: unknown }
  const isKnown =
    format === 'jsonl' && (compression == null || compression === 'none' || compression === 'gzip')
  if (!isKnown)
    throw new ProtocolError(
      line,
      `a BATCH of stream '${stream}' is encoded as ${JSON.stringify(encoding)?.slice(0, 200)}; ` +
        'jsonl without compression or with gzip can be loaded',
    )
  return compression === 'gzip'
}

function readPaths({ line, stream, manifest }: ReadBatch): string[] {
  if (!Array.isArray(manifest))
    throw new ProtocolError(line, `a BATCH of stream '${stream}' has no list 'manifest'`)
  return manifest.map((entry) => {
    try {
      return fileURLToPath(String(entry))
    } catch (cause) {
      throw new ProtocolError(
        line,
        `a BATCH of stream '${stream}' names ${JSON.stringify(entry)}; only file:// can be loaded`,
        { cause },
      )
    }
  })
}

function open(path: string, isGzip: boolean): Readable {
  const file = createReadStream(path)
  if (!isGzip) return file
  const plain = createGunzip()
  file.on('error', (cause) => plain.destroy(cause))
  return file.pipe(plain)
}

function parseRecord(bytes: Buffer, line: number, stream: string, place: string): ReadRecord {
  const fault = (what: string) => new ProtocolError(line, `${place} (stream '${stream}'): ${what}`)
  if (!isUtf8(bytes)) throw fault('the bytes are not valid UTF-8')
  const text = bytes.toString('utf8').trim()
  let record: ReturnType<typeof openRecord>
  try {
    record = openRecord(text)
  } catch {
    throw fault('not valid JSON')
  }
  if (record === undefined) throw fault('the record is not a JSON object')
  return Object.assign(record, {
    type: 'RECORD' as const,
    line,
    stream,
    timeExtracted: undefined,
    version: undefined,
  })
}
