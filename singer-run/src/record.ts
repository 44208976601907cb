import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readdir, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import {
  describeError,
  EXIT,
  exitCode,
  type Log,
  readVersion,
  SingerError,
  writeFileAtomic,
} from '@singer-io-ts/core'
import { messageOf, type Role, type StreamTally } from './metrics.ts'
import { type End, isSoft } from './outcome.ts'
import {
  quoteWords,
  redactForeignText,
  redactForeignWords,
  redactText,
  redactWords,
} from './redact.ts'
import { isOwn, versionOf } from './version.ts'

/** How a run ended. `incomplete`: its state is good, not everything was done. */
export type Result = 'running' | 'done' | 'incomplete' | 'stopped' | 'failed'

/** What a file in the folder of records holds. Instants are ISO 8601 in UTC, durations seconds. */
export type RunRecord = {
  /** The version of this format. */
  record: 1
  result: Result
  started_at: string
  /** The rest is missing while it runs, and for good when it was killed. */
  ended_at?: string
  seconds?: number
  exit_code?: number
  /** What the last line of a run that did not end well said. */
  message?: string
  state_file: string
  /**
   * The command that goes on from here, and the folder it was given in. Of programs of others only
   * the names of their flags are kept.
   */
  command: string
  folder: string
  versions: {
    singer_run: string
    tap?: string | undefined
    target?: string | undefined
    node: string
  }
  process: { pid: number; host: string }
  tap?: ProgramRecord
  target?: ProgramRecord
  streams?: StreamRecord[]
  /** As the state file held it. Null: there was none, or it is too large to be kept here. */
  state_before?: unknown
  state_after?: unknown
}

export type ProgramRecord = {
  exit_code?: number
  signal?: string
  /** What it said of its settings; those of other programs are not known. */
  settings?: unknown
  warnings?: string[]
  /** Only where it failed. */
  last_lines?: string[]
}

/** Counts that nobody told are missing. `''`: what belongs to no single stream. */
export type StreamRecord = {
  stream: string
  rows?: number
  loaded?: number
  calls?: number
  retries?: number
  paused_seconds?: number
  windows?: number
  seconds?: number
}

/** The record of a run that is under way. */
export type Recorder = {
  /** Takes note of a line that a program wrote on stderr. */
  see(role: Role, line: string): void
  /** Takes note of how the programs ended and what they counted. */
  programsEnded(ends: Record<Role, End>, streams: ReadonlyMap<string, StreamTally>): void
  /** Writes it down: an exit code, or what was thrown. */
  end(outcome: { code: number } | { thrown: unknown }): Promise<void>
}

/** So many of each state file are kept; the oldest go. */
const MOST_RECORDS = 10_000
const MOST_LINES = 20
const MOST_LINE_CHARACTERS = 1000
const MOST_STATE_CHARACTERS = 200_000

export type RecordedRun = {
  /** The folder of the records, or the word `none`; undefined: `runs` beside the state file. */
  runs: string | undefined
  /** The state file, and as it was given. */
  path: string
  state: string
  programs: Record<Role, { name: string; file: string; args: readonly string[] }>
  log: Log
}

/** Where the records of a state file lie unless somebody says otherwise. */
export function runsFolder(statePath: string): string {
  return join(dirname(statePath), 'runs')
}

/**
 * Leaves a record of the run that begins now, as `running`, which a kill leaves behind; the end
 * completes it. A record that cannot be written is warned of, and costs no run.
 */
export async function openRecord(run: RecordedRun): Promise<Recorder> {
  const { programs, path: statePath } = run
  const runs = run.runs ?? runsFolder(statePath)
  const begin = performance.now()
  const now = new Date()
  const file = join(resolve(runs), fileName(statePath, now))
  const own = { tap: isOwn(programs.tap.file), target: isOwn(programs.target.file) }
  const line = (role: Role): string => {
    const { name, args } = programs[role]
    return quoteWords([name, ...(own[role] ? redactWords(args) : redactForeignWords(args))])
  }
  const record: RunRecord = {
    record: 1,
    result: 'running',
    started_at: now.toISOString(),
    state_file: statePath,
    command: `singer-run ${quoteWords([
      ...['--tap', line('tap'), '--target', line('target')],
      ...['--state', run.state],
      ...(run.runs === undefined ? [] : ['--runs', run.runs]),
    ])}`,
    folder: process.cwd(),
    versions: {
      singer_run: readVersion(new URL('../package.json', import.meta.url)),
      tap: versionOf(programs.tap.file),
      target: versionOf(programs.target.file),
      node: process.versions.node,
    },
    process: { pid: process.pid, host: hostname() },
  }
  const lines: Record<Role, string[]> = { tap: [], target: [] }
  const notes: Record<Role, ProgramRecord> = { tap: {}, target: {} }
  const before = readStateText(statePath)
  let isKept = runs !== 'none'

  async function write(after: string | undefined): Promise<void> {
    if (!isKept) return
    try {
      await writeFileAtomic(file, formatRecord(record, before, after))
    } catch (cause) {
      isKept = false
      run.log.warning(`no record of this run is kept: ${(cause as Error).message}`)
    }
  }

  await write(undefined)
  return {
    see(role, raw) {
      const redact = own[role] ? redactText : redactForeignText
      const text = redact(messageOf(raw)).slice(0, MOST_LINE_CHARACTERS)
      if (text === '' || text.includes('METRIC: ')) return
      const settings = own[role] ? /^INFO settings: (\{.*\})$/.exec(text)?.[1] : undefined
      if (settings !== undefined) notes[role].settings ??= parse(settings)
      const warnings = notes[role].warnings ?? []
      if (/^(WARNING|ERROR|CRITICAL) /.test(text) && warnings.length < MOST_LINES)
        notes[role].warnings = [...warnings, text]
      lines[role].push(text)
      if (lines[role].length > MOST_LINES) lines[role].shift()
    },
    programsEnded(ends, streams) {
      for (const role of ['tap', 'target'] as const) {
        const { code, signal } = ends[role]
        record[role] = {
          exit_code: code,
          ...(signal !== undefined && { signal }),
          ...notes[role],
          ...(code !== 0 && { last_lines: lines[role] }),
        }
      }
      record.streams = [...streams].map(([stream, tally]) => formatTally(stream, tally))
    },
    async end(outcome) {
      const code = 'code' in outcome ? outcome.code : exitCode(outcome.thrown)
      record.ended_at = new Date().toISOString()
      record.seconds = Math.round(performance.now() - begin) / 1000
      record.exit_code = code
      record.result = resultOf(code)
      if ('thrown' in outcome) record.message = redactText(describeThrown(outcome.thrown))
      await write(readStateText(statePath) ?? 'null')
      if (isKept) await prune(dirname(file), statePath)
    },
  }
}

function resultOf(code: number): Result {
  if (code === EXIT.done) return 'done'
  if (code === EXIT.sigint || code === EXIT.sigterm) return 'stopped'
  return isSoft(code) ? 'incomplete' : 'failed'
}

function describeThrown(thrown: unknown): string {
  const hint = thrown instanceof SingerError ? thrown.hint : undefined
  return hint === undefined ? describeError(thrown) : `${describeError(thrown)}. ${hint}`
}

function formatTally(stream: string, tally: StreamTally): StreamRecord {
  const { rows, loaded, calls, retries, windows, seconds, pausedSeconds } = tally
  const counts = { rows, loaded, calls, retries, windows, seconds, paused_seconds: pausedSeconds }
  return { stream, ...(JSON.parse(JSON.stringify(counts)) as Omit<StreamRecord, 'stream'>) }
}

/** The states go in as they stand, digits and all. */
function formatRecord(
  record: RunRecord,
  before: string | undefined,
  after: string | undefined,
): string {
  const end = after === undefined ? '' : `,\n  "state_after": ${after}`
  const open = JSON.stringify(record, null, 2).replace(/\n\}$/, '')
  return `${open},\n  "state_before": ${before ?? 'null'}${end}\n}\n`
}

function readStateText(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8').trim()
    return text.length > MOST_STATE_CHARACTERS || parse(text) === undefined ? undefined : text
  } catch {
    return undefined
  }
}

/** Names sort by time: the first three digits of the last part are milliseconds. */
function fileName(statePath: string, at: Date): string {
  const part = at.getUTCMilliseconds().toString(16).padStart(3, '0')
  const time = at.toISOString().replace(/[-:]|\.\d+/g, '')
  return `${stemOf(statePath)}-${time}-${part}${randomBytes(2).toString('hex').slice(1)}.json`
}

function stemOf(statePath: string): string {
  return basename(statePath, '.json')
    .replace(/[^\w.-]/g, '_')
    .slice(0, 100)
}

/** The names of the records of that state file, oldest first. */
export function recordNames(names: readonly string[], statePath?: string): string[] {
  const time = /-(\d{8}T\d{6}Z-[0-9a-f]{6})\.json$/
  const start = statePath === undefined ? undefined : stemOf(statePath)
  return names
    .filter((name) => time.test(name) && !name.startsWith('.'))
    .filter((name) => start === undefined || name.replace(time, '') === start)
    .sort((a, b) => ((time.exec(a)?.[1] ?? '') < (time.exec(b)?.[1] ?? '') ? -1 : 1))
}

async function prune(folder: string, statePath: string): Promise<void> {
  try {
    const names = recordNames(await readdir(folder), statePath)
    for (const name of names.slice(0, -MOST_RECORDS)) await rm(join(folder, name), { force: true })
  } catch {
    // The next run tries again.
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
