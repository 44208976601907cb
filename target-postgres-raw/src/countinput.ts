import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ProtocolError, readLines } from '@singer-io-ts/core'
import type { Stretch } from './claims.ts'
import { type Begin, type CountLine, readCountLine, type Summary } from './countlines.ts'
import { DUE, untilDue } from './input.ts'
import type { Instant } from './instant.ts'

/** A count that came whole. Its rows lie in a file, in the order of COPY, for there may be millions. */
export type Count = {
  begin: Begin
  streams: CountedStream[]
  /** Lines of stream number, `r`ow or `d`eleted, id, instant, total. */
  file: string
}

export type CountedStream = Summary & {
  /** Its number in the file. */
  number: number
  /** With counts alone, the rows of each window that has any. */
  windows: { start: Instant; end: Instant; rows: number }[]
  /** Here lies a row that QuickBooks could not list. */
  holes: Stretch[]
}

/**
 * Reads what `tap-quickbooks count` prints, and gives it to `use` once all of it has come: what
 * broke off, or is no such count, throws ProtocolError. The file is gone after that.
 */
export async function withCount<Result>(
  input: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  use: (count: Count) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'target-postgres-raw-'))
  try {
    return await use(await readCount(input, join(folder, 'count'), signal))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function readCount(
  input: AsyncIterable<Uint8Array>,
  file: string,
  signal: AbortSignal,
): Promise<Count> {
  const out = await open(file, 'wx', 0o600)
  let begin: Begin | undefined
  const streams = new Map<string, Open>()
  try {
    for await (const lines of untilDue(readLines(input), () => undefined, signal)) {
      if (lines === DUE) continue
      for (const { number, bytes } of lines) {
        const line = readCountLine(bytes.toString('utf8'), number)
        if (line.type === 'begin') {
          if (begin !== undefined)
            throw new ProtocolError(number, 'a second count begins; give verify one at a time')
          begin = line.begin
          for (const stream of line.begin.streams) streams.set(stream, emptyStream(streams.size))
          continue
        }
        if (begin === undefined) throw withoutBegin(number)
        const stream = streams.get(line.type === 'summary' ? line.summary.stream : line.stream)
        if (stream === undefined || stream.summary !== undefined)
          throw new ProtocolError(number, 'belongs to a stream that was not begun, or has ended')
        const text = takeLine(stream, line)
        if (text !== '') await out.write(text)
      }
    }
  } finally {
    await out.close()
  }
  signal.throwIfAborted()
  if (begin === undefined)
    throw new ProtocolError(undefined, 'nothing came in: there is no count to compare with', {
      hint: HOW,
    })
  return { begin, streams: [...streams].map(([name, stream]) => closed(name, stream)), file }
}

const HOW =
  'Begin with: tap-quickbooks count --config quickbooks.json --rows | ' +
  'target-postgres-raw verify --config postgres.json'

type Open = Pick<CountedStream, 'number' | 'windows' | 'holes'> & {
  rows: number
  summary: Summary | undefined
}

function emptyStream(number: number): Open {
  return { number, windows: [], holes: [], rows: 0, summary: undefined }
}

/** Takes a line in; gives what belongs into the file. */
function takeLine(stream: Open, line: CountLine): string {
  if (line.type === 'summary') stream.summary = line.summary
  if (line.type === 'unreadable') stream.holes.push({ from: line.from, to: line.to })
  if (line.type === 'window') {
    stream.windows.push({ start: line.start, end: line.end, rows: line.rows })
    stream.rows += line.rows
  }
  if (line.type !== 'rows' && line.type !== 'deleted') return ''
  if (line.type === 'rows') stream.rows += line.rows.length
  const kind = line.type === 'rows' ? 'r' : 'd'
  const fields = (row: (typeof line.rows)[number]) =>
    `${stream.number}\t${kind}\t${escapeText(row[0])}\t${row[1]}\t${row[2] ?? '\\N'}\n`
  return line.rows.map(fields).join('')
}

/** A text as COPY's text format has it. */
function escapeText(text: string): string {
  return text.replace(/[\\\t\n\r]/g, (character) => ESCAPES[character] ?? character)
}

const ESCAPES: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

function closed(name: string, { summary, rows, ...stream }: Open): CountedStream {
  if (summary === undefined)
    throw new ProtocolError(
      undefined,
      `the count of '${name}' broke off: its closing line is missing`,
      {
        hint: 'See why tap-quickbooks ended, then count again; nothing was compared.',
      },
    )
  if (summary.rows !== rows)
    throw new ProtocolError(
      undefined,
      `of '${name}' ${rows} rows came, where its closing line says ${summary.rows}`,
      { hint: 'A part of the count is lost: count again; nothing was compared.' },
    )
  return { ...stream, ...summary }
}

function withoutBegin(line: number): ProtocolError {
  return new ProtocolError(
    line,
    'is a count without its first and closing lines, which could have broken off anywhere',
    { hint: 'Count with --rows, or with --state FILE, to pass it on to verify.' },
  )
}
