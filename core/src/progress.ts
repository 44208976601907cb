import { alignColumns, formatCount, formatDuration } from './columns.ts'
import type { Room } from './screen.ts'

/** How far one stream is, as it stands in a PROGRESS line; what nobody knows is undefined. */
export type StreamProgress = {
  stream: string
  /** `stopped`: it has ended before everything was read. */
  status?: 'waiting' | 'reading' | 'done' | 'stopped' | undefined
  /** Windows that are complete, by earlier runs too. */
  windows?: number | undefined
  windows_total?: number | undefined
  /** Rows of this run. */
  rows?: number | undefined
  rows_expected?: number | undefined
  /** Rows of this run that are committed in the database. */
  rows_committed?: number | undefined
  rows_per_second?: number | undefined
  /** Metered calls of this run. */
  calls?: number | undefined
  /** From 0 to 1, of all that there is; a resumed run begins with what it has. */
  share?: number | undefined
  seconds_left?: number | undefined
}

/** How far a run is. */
export type Progress = {
  streams: readonly StreamProgress[]
  /** Since the run began. */
  seconds: number
  /** Metered calls of all streams, with those that belong to none. */
  calls?: number | undefined
}

const MARK = 'PROGRESS: '

/** The line from which another program reads how far this one is. */
export function formatProgress(progress: Progress): string {
  return MARK + JSON.stringify(progress)
}

/** The progress of a line of stderr, a text line or a JSON one; undefined for any other line. */
export function readProgress(line: string): Progress | undefined {
  if (!line.includes(MARK)) return undefined
  const given = line.startsWith('{') ? parse(line)?.message : line
  if (typeof given !== 'string') return undefined
  const value = parse(given.slice(given.indexOf(MARK) + MARK.length))
  if (!Array.isArray(value?.streams) || typeof value.seconds !== 'number') return undefined
  const isStream = (one: unknown) =>
    typeof (one as StreamProgress | null)?.stream === 'string' &&
    Object.values(one as object).every((member) => ['string', 'number'].includes(typeof member))
  return value.streams.every(isStream) ? (value as Progress) : undefined
}

/** One line for a log: the streams that are being read, and all in all. */
export function formatProgressLine({ streams, seconds, calls }: Progress): string {
  const reading = streams.filter(({ status }) => status === 'reading')
  const rows = sum(streams, 'rows')
  const pace = sum(reading, 'rows_per_second')
  const left = longestLeft(streams)
  const parts = [
    ...reading.slice(0, MOST_NAMED).map(describeStream),
    ...(reading.length > MOST_NAMED ? [`${reading.length - MOST_NAMED} more are read`] : []),
    ...(['waiting', 'done', 'stopped'] as const).flatMap((status) => {
      const count = streams.filter((one) => one.status === status).length
      return count === 0 ? [] : [`${count} ${status}`]
    }),
    [
      `${formatCount(rows)} rows`,
      ...(pace === undefined ? [] : [`${formatCount(Math.round(pace))} a second`]),
      ...(calls === undefined ? [] : [`${formatCount(calls)} calls`]),
      ...(left === undefined ? [] : [`about ${formatRough(left)} left`]),
    ].join(', '),
  ]
  return `after ${formatRough(seconds)}: ${parts.join('; ')}`
}

const MOST_NAMED = 5

function describeStream(one: StreamProgress): string {
  const percent = formatShare(one)
  const parts = [
    ...(percent === undefined ? [] : [percent]),
    ...(one.windows_total === undefined
      ? []
      : [`${formatCount(one.windows)} of ${formatCount(one.windows_total)} windows`]),
    `${formatRows(one)} rows`,
  ]
  return `${one.stream} ${parts.join(', ')}`
}

type Column = { title: string; cell: (one: StreamProgress) => string | undefined }

/** Where there is little room, the last of these go first. */
const COLUMNS: Column[] = [
  { title: 'stream', cell: ({ stream }) => stream },
  { title: 'done', cell: formatStatus },
  { title: 'rows', cell: (one) => (one.rows === undefined ? undefined : formatRows(one)) },
  {
    title: 'left',
    cell: ({ seconds_left: left }) => (left && `~${formatRough(left)}`) || undefined,
  },
  {
    title: 'committed',
    cell: ({ rows_committed: rows }) => (rows && formatCount(rows)) || undefined,
  },
  { title: 'windows', cell: formatWindows },
  { title: 'rows/s', cell: (one) => shownCount(one.rows_per_second) },
  { title: 'calls', cell: ({ calls }) => shownCount(calls) },
]
/** In which order they stand. */
const ORDER = ['stream', 'done', 'windows', 'rows', 'rows/s', 'committed', 'calls', 'left']

/** A block for a terminal: a line for each stream, a total, and `note` behind the time it took. */
export function formatProgressBlock(progress: Progress, room: Room, note = ''): string[] {
  const { streams, seconds } = progress
  const last = `${formatRough(seconds)}${note}`
  if (streams.length === 0) return [last]
  // The title, the total, the note, and a line for those that are not shown.
  const places = room.rows - 3
  const shown = streams.length <= places ? streams : mostTelling(streams, places - 1)
  const rows = [...shown, totalOf(progress)]
  const known = COLUMNS.filter(({ cell }) => rows.some((one) => cell(one) !== undefined))
  for (let count = known.length; ; count--) {
    const columns = ORDER.flatMap((title) =>
      known.slice(0, count).filter((one) => one.title === title),
    )
    const lines = alignColumns([
      columns.map(({ title }) => title),
      ...rows.map((one) => columns.map(({ cell }) => cell(one) ?? '')),
    ])
    if (count > 1 && lines.some((line) => line.length > room.columns)) continue
    const total = lines.pop() ?? ''
    const hidden = streams.length - shown.length
    return [...lines, ...(hidden > 0 ? [`… and ${hidden} more`] : []), total, last]
  }
}

const TELLING = ['reading', 'stopped', 'waiting', undefined, 'done']

/** As many streams as there are places, in their order; those that are being read first. */
function mostTelling(streams: readonly StreamProgress[], places: number): StreamProgress[] {
  const rank = ({ status }: StreamProgress): number => TELLING.indexOf(status)
  const chosen = [...streams].sort((a, b) => rank(a) - rank(b)).slice(0, Math.max(0, places))
  return streams.filter((one) => chosen.includes(one))
}

function totalOf({ streams, calls }: Progress): StreamProgress {
  return {
    stream: 'total',
    windows: sum(streams, 'windows'),
    windows_total: sum(streams, 'windows_total'),
    rows: sum(streams, 'rows'),
    rows_committed: sum(streams, 'rows_committed'),
    rows_per_second: sum(
      streams.filter(({ status }) => status === undefined || status === 'reading'),
      'rows_per_second',
    ),
    calls: calls ?? sum(streams, 'calls'),
    seconds_left: longestLeft(streams),
  }
}

/** Streams are read side by side; undefined while one of them cannot tell. */
function longestLeft(streams: readonly StreamProgress[]): number | undefined {
  const open = streams.filter(({ status }) => status === 'reading' || status === 'waiting')
  const left = open.map((one) => one.seconds_left)
  return left.length === 0 || left.includes(undefined)
    ? undefined
    : Math.max(...left.map((seconds) => seconds ?? 0))
}

function sum(
  streams: readonly StreamProgress[],
  member: 'rows' | 'rows_committed' | 'windows' | 'windows_total' | 'rows_per_second' | 'calls',
): number | undefined {
  const known = streams.flatMap((one) => one[member] ?? [])
  return known.length === 0 ? undefined : known.reduce((total, one) => total + one, 0)
}

function formatStatus(one: StreamProgress): string | undefined {
  return one.status === 'reading' ? (formatShare(one) ?? '-') : one.status
}

/** Never 100% before the end. */
function formatShare({ share }: StreamProgress): string | undefined {
  return share === undefined ? undefined : `${Math.min(99, Math.floor(share * 100))}%`
}

function formatWindows({ windows, windows_total: total }: StreamProgress): string | undefined {
  return total === undefined ? undefined : `${formatCount(windows)}/${formatCount(total)}`
}

function formatRows({ rows, rows_expected: expected, status }: StreamProgress): string {
  const isOpen = expected !== undefined && status === 'reading'
  return formatCount(rows) + (isOpen ? ` of ${formatCount(Math.max(expected, rows ?? 0))}` : '')
}

function shownCount(count: number | undefined): string | undefined {
  return count === undefined ? undefined : formatCount(Math.round(count))
}

/** Whole seconds are enough for what goes on. */
export function formatRough(seconds: number): string {
  return formatDuration(Math.max(1, seconds)).replace(/\.\d s$/, ' s')
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return undefined
  }
}
