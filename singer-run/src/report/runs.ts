import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Result, type RunRecord, recordNames, type StreamRecord } from '../record.ts'
import { parseTime } from './time.ts'

/** A run as it is shown. `killed`: it began, and will never say how it ended. */
export type Run = Omit<RunRecord, 'result'> & {
  result: Result | 'killed'
  startedAt: number
  streams: StreamRecord[]
}

export type Runs = {
  /** Oldest first. */
  runs: Run[]
  /** Files that hold no record. */
  unreadable: string[]
}

/** Reads the records of a state file, or of all where none is named. Throws where the folder cannot be read. */
export function readRuns(
  folder: string,
  statePath: string | undefined,
  isRunning: (process: RunRecord['process']) => boolean,
): Runs {
  const unreadable: string[] = []
  const records = recordNames(readdirSync(folder), statePath).flatMap((name) => {
    const record = readRecord(join(folder, name))
    if (record === undefined) unreadable.push(name)
    return record ?? []
  })
  // The names tell no more than the second.
  records.sort((a, b) => a.startedAt - b.startedAt)
  const own = records.filter((record) => record.state_file === statePath)
  const runs = statePath === undefined || own.length === 0 ? records : own
  return {
    unreadable,
    runs: runs.map((run, at) => {
      // One state file has one run at a time, so a later one tells that this has gone.
      const isLast = !runs.slice(at + 1).some((later) => later.state_file === run.state_file)
      const isOver = run.result === 'running' && !(isLast && isRunning(run.process))
      return isOver ? { ...run, result: 'killed' } : run
    }),
  }
}

function readRecord(path: string): Run | undefined {
  try {
    const record: unknown = JSON.parse(readFileSync(path, 'utf8'))
    if (!isRecord(record)) return undefined
    const startedAt = parseTime(record.started_at)
    return startedAt === undefined
      ? undefined
      : { ...record, startedAt, streams: record.streams ?? [] }
  } catch {
    return undefined
  }
}

type Check = (value: unknown) => boolean

const isText: Check = (value) => typeof value === 'string'
const isCount: Check = (value) => Number.isFinite(value) && (value as number) >= 0
const isMissingOr =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)
const isListOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check)
/** An object whose members pass their checks, and all others the last one. */
const isObjectOf =
  (members: Record<string, Check>, others: Check = () => true): Check =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.entries(members).every(([name, check]) => check((value as never)[name])) &&
    Object.entries(value).every(([name, member]) => name in members || others(member))

const isProgram = isObjectOf({
  exit_code: isMissingOr(isCount),
  signal: isMissingOr(isText),
  warnings: isMissingOr(isListOf(isText)),
  last_lines: isMissingOr(isListOf(isText)),
})

const isRecordOf = isObjectOf({
  record: (value) => value === 1,
  result: isText,
  started_at: isText,
  ended_at: isMissingOr(isText),
  seconds: isMissingOr(isCount),
  exit_code: isMissingOr(isCount),
  message: isMissingOr(isText),
  state_file: isText,
  command: isText,
  folder: isText,
  versions: isObjectOf({}, isText),
  process: isObjectOf({ pid: isCount, host: isText }),
  tap: isMissingOr(isProgram),
  target: isMissingOr(isProgram),
  streams: isMissingOr(isListOf(isObjectOf({ stream: isText }, isCount))),
})

/** Whether all that the page reads of it stands there as a record has it. */
function isRecord(value: unknown): value is RunRecord {
  return isRecordOf(value)
}

/** A count over the streams of some runs; undefined where nobody counted. */
export function sumOf(
  runs: readonly Run[],
  count: Exclude<keyof StreamRecord, 'stream'>,
  stream?: string,
): number | undefined {
  let sum: number | undefined
  for (const run of runs)
    for (const one of run.streams)
      if ((stream === undefined || one.stream === stream) && typeof one[count] === 'number')
        sum = (sum ?? 0) + one[count]
  return sum
}

/** Rows of a run: what the target took in, else what the tap sent. */
export function rowsOf(run: Run): number | undefined {
  return sumOf([run], 'loaded') ?? sumOf([run], 'rows')
}
