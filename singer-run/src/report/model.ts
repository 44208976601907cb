import type { Check, Comparison } from './checks.ts'
import type { WindowRows } from './inputs.ts'
import { type Run, type Runs, sumOf } from './runs.ts'
import { doneWithin, reachOf, readStreams, type Stream } from './streams.ts'
import { DAY_MS, parseTime, type Range } from './time.ts'

/** All that a page says is computed from this. Instants are epoch milliseconds. */
export type Inputs = Runs & {
  /** When the page is made. */
  now: number
  stateFile: string | undefined
  state: unknown
  /** Rows in the tables by window; undefined when nobody counted. */
  counts: readonly WindowRows[] | undefined
  /** What each `verify` has found; undefined when nobody compared. */
  checks: readonly Check[] | undefined
  /** The command to go on where another one starts singer-run. */
  goOn: string | undefined
  /** Metered calls that may be made in a month. */
  quota: number
}

/** A stream and how much of it is loaded. */
export type Progress = Stream & {
  /** What is asked of it; undefined where that cannot be known. */
  range: Range | undefined
  /** Nothing is left to read, but for what cannot be read. */
  isComplete: boolean
  /** Between 0 and 1; undefined where it cannot be known. */
  share: number | undefined
}

export type Model = Inputs & {
  streams: Progress[]
  /** The time that the charts show. */
  range: Range | undefined
  last: Run | undefined
  /** The last run has ended, and not well. */
  isFailed: boolean
  rows: readonly WindowRows[] | undefined
  comparisons: readonly Comparison[] | undefined
  comparedAt: number | undefined
  differences: readonly Comparison[]
  /** Streams that were compared, though no STATE says what must be there. */
  unknown: readonly string[]
  /** Streams of which rows were read, and none was counted in the tables. */
  vanished: readonly string[]
}

export function makeModel(inputs: Inputs): Model {
  const last = inputs.runs.at(-1)
  const ended = inputs.runs.filter(({ result }) => result !== 'running').at(-1)
  const read = readStreams(inputs.state)
  const wanted = endOf(read, ended)
  const comparisons = inputs.checks?.flatMap((check) => check.windows)
  const rows = rowsByWindow(inputs.counts, comparisons)
  const streams = read.map((stream) => measure(stream, wanted, ended))
  for (const name of namesOf(inputs, rows ?? []))
    if (!streams.some((stream) => stream.name === name)) streams.push(unknownStream(name))
  const windows = (rows ?? []).flatMap(({ rows, window }) => (rows > 0 ? (window ?? []) : []))
  return {
    ...inputs,
    streams,
    rows,
    range: around([...streams.flatMap(({ range }) => range ?? []), ...windows]),
    last,
    isFailed: last?.result === 'failed' || last?.result === 'killed',
    comparisons,
    comparedAt: inputs.checks && latest(inputs.checks.flatMap(({ asOf }) => parseTime(asOf) ?? [])),
    differences: (comparisons ?? []).filter(({ isEqual }) => !isEqual),
    unknown: [...new Set(inputs.checks?.flatMap((check) => check.unknown))],
    vanished: inputs.counts === undefined ? [] : vanishedOf(streams, inputs.counts, inputs.runs),
  }
}

/** Up to where a complete stream must be: where the best one is, or the last run began. */
function endOf(streams: readonly Stream[], last: Run | undefined): number | undefined {
  const reached = streams.flatMap((stream) => reachOf(stream) ?? [])
  if (reached.length === 0) return undefined
  const most = Math.max(...reached)
  const isBehind = last !== undefined && last.result !== 'done' && last.startedAt - most > DAY_MS
  return isBehind ? Math.min(last.startedAt, endDateOf(last) ?? last.startedAt) : most
}

/** The end_date of the tap's settings, if it told them. */
function endDateOf(run: Run): number | undefined {
  const settings = run.tap?.settings as { end_date?: unknown } | undefined
  const at = typeof settings?.end_date === 'string' ? Date.parse(settings.end_date) : Number.NaN
  return Number.isNaN(at) ? undefined : at
}

function measure(stream: Stream, wanted: number | undefined, last: Run | undefined): Progress {
  const { start, doneTo } = stream
  const isDone = last?.result === 'done' || last === undefined
  // What a good run has not got further is as far as it goes.
  const end = isDone ? reachOf(stream) : wanted
  if (doneTo === undefined || end === undefined)
    return { ...stream, range: undefined, isComplete: isDone, share: undefined }
  const from = Math.min(start ?? doneTo, doneTo)
  const range = { start: from, end: Math.max(end, from) }
  const length = range.end - range.start
  const open = stream.unreadable.reduce((sum, { start, end }) => sum + (end - start), 0)
  const done = doneWithin(stream, from, range)
  // The bounds of streams that were read in the same run may be some time apart.
  const isComplete = (isDone && stream.ranges.length === 0) || length - done - open < DAY_MS
  const share = length === 0 ? 1 : done / length
  return {
    ...stream,
    range: start === undefined ? undefined : range,
    isComplete,
    share: start === undefined ? undefined : share,
  }
}

function unknownStream(name: string): Progress {
  const nothing = { start: undefined, doneTo: undefined, rows: undefined, calls: undefined }
  return {
    ...{ ...nothing, name, ranges: [], unreadable: [], lastWindow: undefined },
    ...{ deletionsMissedSince: undefined, isReloading: false },
    ...{ range: undefined, isComplete: false, share: undefined },
  }
}

/** Of the tables: as counted, else as compared. */
function rowsByWindow(
  counts: Inputs['counts'],
  comparisons: Model['comparisons'],
): readonly WindowRows[] | undefined {
  return (
    counts ??
    comparisons?.flatMap(({ stream, window, tableRows }) =>
      tableRows === undefined ? [] : [{ stream, window, rows: tableRows }],
    )
  )
}

/** A load that has read rows leaves some, but where a count failed or a table is gone. */
function vanishedOf(
  streams: readonly Stream[],
  counts: readonly WindowRows[],
  runs: readonly Run[],
): string[] {
  const counted = new Set(counts.filter(({ rows }) => rows > 0).map(({ stream }) => stream))
  return streams
    .filter(({ name, rows }) => (rows ?? sumOf(runs, 'loaded', name) ?? 0) > 0)
    .flatMap(({ name }) => (counted.has(name) ? [] : [name]))
}

function latest(times: readonly number[]): number | undefined {
  return times.length === 0 ? undefined : Math.max(...times)
}

function namesOf(inputs: Inputs, rows: readonly WindowRows[]): Set<string> {
  const recorded = inputs.runs.flatMap(({ streams }) => streams.map(({ stream }) => stream))
  const compared = (inputs.checks ?? []).flatMap((check) => [
    ...check.streams,
    ...check.windows.map(({ stream }) => stream),
  ])
  const all = [...recorded, ...rows.map(({ stream }) => stream), ...compared]
  return new Set(all.filter((name) => typeof name === 'string' && name !== ''))
}

function around(ranges: readonly Range[]): Range | undefined {
  if (ranges.length === 0) return undefined
  // Not by Math.min(...ranges): there may be more of them than a call can have arguments.
  return ranges.reduce((all, one) => ({
    start: Math.min(all.start, one.start),
    end: Math.max(all.end, one.end),
  }))
}

/** Rows of the stream in the tables, of all windows. */
export function countRows(model: Model, stream: string): number | undefined {
  if (model.rows === undefined) return undefined
  return model.rows.reduce((sum, one) => (one.stream === stream ? sum + one.rows : sum), 0)
}
