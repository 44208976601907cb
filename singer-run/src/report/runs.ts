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
    const record = JSON.parse(readFileSync(path, 'utf8')) as RunRecord
    const startedAt = parseTime(record.started_at)
    if (record.record !== 1 || startedAt === undefined) return undefined
    const isWhole = [record.result, record.state_file, record.command].every(
      (text) => typeof text === 'string',
    )
    const streams = Array.isArray(record.streams) ? record.streams : []
    return isWhole ? { ...record, startedAt, streams } : undefined
  } catch {
    return undefined
  }
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
