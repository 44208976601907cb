import { quoteWord } from '../redact.ts'
import { type Html, html, table } from './html.ts'
import type { WindowRows } from './inputs.ts'
import type { Model } from './model.ts'
import { cellsOf, monthOf, type Range } from './time.ts'
import { frameOf, timeAxis, timeRow } from './timeline.ts'

/** Where rows that say no window are counted. */
const NO_WINDOW = 'no window'

/** Rows by stream and by the month in which their window begins, `2026-11`. */
export function rowsByMonth(rows: readonly WindowRows[]): Map<string, Map<string, number>> {
  const streams = new Map<string, Map<string, number>>()
  for (const { stream, window, rows: count } of rows) {
    const months = streams.get(stream) ?? new Map<string, number>()
    streams.set(stream, months)
    const month = window === undefined ? NO_WINDOW : monthOf(window.start)
    months.set(month, (months.get(month) ?? 0) + count)
  }
  return streams
}

const NO_ROWS = {
  compared: 'The tables hold no rows.',
  counted:
    'Nothing is loaded, by the count that was given. One that fails leaves its file empty, too: see what it said on stderr.',
} as const

/** Bars of rows per month, a chart for each stream, and the same as a table. */
export function months(model: Model): Html {
  const { range, rows } = model
  if (rows === undefined) return uncounted(model)
  if (!rows.some((one) => one.rows > 0))
    return section(html`<p>${NO_ROWS[model.counts === undefined ? 'compared' : 'counted']}</p>`)
  const counts = rowsByMonth(rows)
  if (range === undefined) return section(monthTable([...counts.keys()], counts, []))
  const cells = cellsOf('month', range)
  const names = model.streams.map(({ name }) => name).filter((name) => counts.has(name))
  const { frame } = frameOf(range)
  return section(html`<p class="lead">Rows in the tables that are not deleted, by the month (UTC) in which
their window begins. Each stream has a scale of its own.</p>
<figure><div class="rows bars">${names.map((name) =>
    drawStream(name, counts.get(name) ?? new Map(), cells, frame),
  )}${timeAxis(frame)}</div></figure>
<details><summary>Rows per month as a table</summary>${chunks(names, MOST_COLUMNS).map((some) =>
    monthTable(some, counts, cells),
  )}</details>`)
}

function section(content: Html): Html {
  return html`<section><h2>Rows per month</h2>${content}</section>`
}

function drawStream(
  name: string,
  months: ReadonlyMap<string, number>,
  cells: readonly Range[],
  frame: Range,
): Html {
  const counts = cells.map(({ start }) => months.get(monthOf(start)) ?? 0)
  const most = Math.max(...counts, 1)
  const total = [...months.values()].reduce((sum, count) => sum + count, 0)
  const x = (at: number): number => (1000 * (at - frame.start)) / (frame.end - frame.start)
  const path = cells.map(({ start, end }, at) => {
    const count = counts[at] ?? 0
    if (count === 0) return ''
    // A single row is to be seen too.
    const height = Math.max(2, (100 * count) / most)
    const width = (x(end) - x(start)) * 0.86
    return `M${x(start).toFixed(1)} 100v-${height.toFixed(1)}h${width.toFixed(1)}v${height.toFixed(1)}z`
  })
  const peak = monthOf(cells[counts.indexOf(most)]?.start ?? frame.start)
  const text = `${most.toLocaleString('en-US')} in ${peak}`
  const label = `${name}: ${total.toLocaleString('en-US')} rows, at most ${text}`
  return timeRow(
    name,
    html`<svg role="img" aria-label="${label}" viewBox="0 0 1000 100" preserveAspectRatio="none"><path d="${path.join('')}"/></svg>`,
    html`${total.toLocaleString('en-US')} <small>most ${most.toLocaleString('en-US')} <span class="nw">in ${peak}</span></small>`,
  )
}

/** More streams would not fit on paper side by side. */
const MOST_COLUMNS = 5

function chunks<T>(all: readonly T[], size: number): T[][] {
  const count = Math.ceil(all.length / size)
  return [...Array(count).keys()].map((at) => all.slice(at * size, (at + 1) * size))
}

function monthTable(
  names: readonly string[],
  counts: ReadonlyMap<string, ReadonlyMap<string, number>>,
  cells: readonly Range[],
): Html {
  const unplaced = names.some((name) => counts.get(name)?.has(NO_WINDOW)) ? [NO_WINDOW] : []
  const show = (count: number): string => (count === 0 ? '–' : count.toLocaleString('en-US'))
  const total = (name: string): number =>
    [...(counts.get(name)?.values() ?? [])].reduce((sum, count) => sum + count, 0)
  return table(
    'Rows per month',
    ['month', ...names],
    [
      ...[...cells.map(({ start }) => monthOf(start)), ...unplaced].map((month) => [
        month,
        ...names.map((name) => show(counts.get(name)?.get(month) ?? 0)),
      ]),
      ['all', ...names.map((name) => show(total(name)))],
    ],
    `w${'n'.repeat(names.length)}`,
  )
}

/** How to have the chart where nobody counted. */
function uncounted({ stateFile, last }: Model): Html {
  if (last === undefined) return html``
  const config =
    /target-postgres-raw((?: --config [^\s'"]+)+)/.exec(last.command)?.[1] ?? ' --config …'
  const state = stateFile === undefined ? '…' : quoteWord(stateFile)
  return section(html`<p class="lead">Nobody has counted the rows in the tables for this page. This does:</p>
<pre>npx target-postgres-raw count${config} \\
  | npx singer-run report --state ${state} --counts -</pre>`)
}
