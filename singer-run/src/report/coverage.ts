import { formatCount } from '@singer-io-ts/core'
import { type Html, html, table } from './html.ts'
import { countRows, type Model, type Progress } from './model.ts'
import { doneWithin } from './streams.ts'
import { cellsOf, DAY_MS, formatDay, formatRange, formatTime, type Range } from './time.ts'
import { frameOf, timeAxis, timeRow } from './timeline.ts'

const MEANING = {
  done: 'loaded',
  empty: 'read, no rows',
  part: 'partly loaded',
  open: 'not yet read',
  failed: 'the last run ended here',
  unreadable: 'has a row that cannot be read',
  differs: 'differs from the source',
  none: 'not asked for',
} as const

type Status = keyof typeof MEANING

/** A stretch of cells of the same status. */
type Stretch = Range & { status: Status }

/** The streams over time: what is loaded, what is empty, what is missing. */
export function coverage(model: Model): Html {
  const { range, streams } = model
  const known = streams.filter((stream) => stream.range !== undefined)
  if (range === undefined || known.length === 0)
    return streams.length === 0 ? html`` : section('', stateTable(model))
  const { unit, frame } = frameOf(range)
  const cells = cellsOf(unit, frame)
  const rows = known.map((stream) => ({ stream, stretches: stretchesOf(stream, cells, model) }))
  const used = new Set(rows.flatMap(({ stretches }) => stretches.map(({ status }) => status)))
  const shown = (Object.keys(MEANING) as Status[]).filter((one) => one !== 'none' && used.has(one))
  return section(
    html`A cell is a ${unit} (UTC), by the time of a row's last change.`,
    html`<figure><div class="rows">${rows.map(({ stream, stretches }) =>
      timeRow(
        stream.name,
        html`<div class="strip" role="img" aria-label="${describe(stream)}">${stretches.map(drawStretch)}</div>`,
        percent(stream),
      ),
    )}${timeAxis(frame)}</div>
<figcaption class="legend">${shown.map(
      (status) => html`<span><i class="${status}"></i>${MEANING[status]}</span> `,
    )}</figcaption></figure>${stateTable(model)}`,
  )
}

function section(lead: Html | string, content: Html): Html {
  return html`<section><h2>Coverage</h2>${lead !== '' && html`<p class="lead">${lead}</p>`}${content}</section>`
}

function drawStretch({ status, start, end }: Stretch): Html {
  const days = ((end - start) / DAY_MS).toFixed(0)
  const title = `${formatDay(start)} to ${formatDay(end - 1)}: ${MEANING[status]}`
  return html`<i class="${status}" style="flex:${days}" title="${title}"></i>`
}

function stretchesOf(stream: Progress, cells: readonly Range[], model: Model): Stretch[] {
  const rows = model.rows?.filter((one) => one.stream === stream.name && one.rows > 0)
  const differences = model.differences.filter((one) => one.stream === stream.name)
  const stretches: Stretch[] = []
  let isFirstGap = true
  for (const cell of cells) {
    let status = statusOf(cell)
    if (isFirstGap && (status === 'open' || status === 'part')) {
      isFirstGap = false
      if (model.isFailed) status = 'failed'
    }
    const before = stretches.at(-1)
    if (before?.status === status) {
      before.end = cell.end
    } else stretches.push({ ...cell, status })
  }
  return stretches

  function statusOf(cell: Range): Status {
    const { range } = stream
    if (range === undefined) return 'none'
    const part = { start: Math.max(cell.start, range.start), end: Math.min(cell.end, range.end) }
    if (part.start >= part.end) return 'none'
    const meets = ({ start, end }: Range): boolean => start < part.end && end > part.start
    if (stream.unreadable.some(meets)) return 'unreadable'
    if (differences.some(({ window }) => meets(window))) return 'differs'
    const done = doneWithin(stream, range.start, part)
    if (done >= part.end - part.start || (stream.isComplete && part.end === range.end)) {
      const isEmpty =
        rows === undefined
          ? stream.rows === 0
          : !rows.some(({ window }) => window === undefined || meets(window))
      return isEmpty ? 'empty' : 'done'
    }
    return done > 0 ? 'part' : 'open'
  }
}

function percent({ share, isComplete }: Progress): string {
  if (isComplete) return 'complete'
  return share === undefined ? '' : `${Math.floor(1000 * Math.min(share, 0.999)) / 10} %`
}

function describe({ name, range, doneTo }: Progress): string {
  if (range === undefined || doneTo === undefined) return name
  return `${name}: complete from ${formatDay(range.start)} to ${formatTime(doneTo)}, asked for up to ${formatTime(range.end)}`
}

/** The same in words and numbers; what no stream has gets no column. */
function stateTable(model: Model): Html {
  const time = (at: number | undefined): string => (at === undefined ? '–' : formatTime(at))
  const columns: [head: string, kind: string, cell: (stream: Progress) => string][] = [
    ['stream', 't', ({ name }) => name],
    ['from', 'w', ({ start }) => time(start)],
    ['complete up to', 'w', ({ doneTo }) => time(doneTo)],
    ['complete beyond that', 't', ({ ranges }) => listRanges(ranges)],
    ['cannot be read', 't', ({ unreadable }) => listRanges(unreadable)],
    ['last window with rows', 't', ({ lastWindow }) => listRanges(lastWindow ? [lastWindow] : [])],
    ['rows', 'n', ({ name, rows }) => formatCount(countRows(model, name) ?? rows)],
  ]
  const shown = columns.filter(([, , cell]) =>
    model.streams.some((one) => !/^[–-]$/.test(cell(one))),
  )
  return table(
    'How far each stream is',
    shown.map(([head]) => head),
    model.streams.map((stream) => shown.map(([, , cell]) => cell(stream))),
    shown.map(([, kind]) => kind).join(''),
  )
}

function listRanges(ranges: readonly Range[]): string {
  if (ranges.length === 0) return '–'
  const shown = ranges.slice(0, 3).map(formatRange)
  const more = ranges.length - shown.length
  return shown.join(', ') + (more > 0 ? ` and ${more.toLocaleString('en-US')} more` : '')
}
