import { formatCount } from '@singer-io-ts/core'
import { type Comparison, DIFFERENCES } from './checks.ts'
import { type Html, html, table } from './html.ts'
import type { Model } from './model.ts'
import { formatMinute, formatRange, plural } from './time.ts'

const SHOWN = 100
const MOST_IDS = 10

/** What a comparison with the source has found. */
export function differences(model: Model): Html {
  const { checks, comparisons, comparedAt, unknown } = model
  if (checks === undefined || comparisons === undefined) return html``
  const found = model.differences
  const at = comparedAt === undefined ? '' : ` (${formatMinute(comparedAt)})`
  const windowed = comparisons.map(({ stream }) => stream)
  const streams = [...new Set([...checks.flatMap((check) => check.streams), ...windowed])]
  const left = found.length - SHOWN
  return html`<section id="differences"><h2>Differences</h2>
<p class="lead">${plural(comparisons.length, 'window')} with rows compared with the source${at}: ${outcome(model)}</p>
${unknown.length > 0 && html`<p>No STATE says what must be there of ${unknown.join(', ')}, so that nothing of it can be called missing: give verify the state_id that it was loaded with.</p>`}
${found.length > 0 && windowTable(found.slice(0, SHOWN))}
${left > 0 && html`<p class="lead">And ${plural(left, 'window')} more.</p>`}
${table(
  'Compared, by stream',
  ['stream', 'windows', 'rows at the source', 'rows in the tables', ...DIFFERENCES],
  streams.map((stream) => {
    const own = comparisons.filter((one) => one.stream === stream)
    return [
      stream,
      formatCount(own.length),
      formatCount(sum(own.map(({ sourceRows }) => sourceRows))),
      formatCount(sum(own.map(({ tableRows }) => tableRows))),
      ...DIFFERENCES.map((name) => formatCount(sum(own.map(({ counts }) => counts[name])))),
    ]
  }),
  'tnnnnnnnn',
)}</section>`
}

function outcome({ checks = [], comparisons = [], differences: found, unknown }: Model): string {
  if (found.length > 0)
    return `${plural(found.length, 'window')} differ${found.length === 1 ? 's' : ''}.`
  if (comparisons.length === 0) return 'neither the source nor the tables have any.'
  if (unknown.length > 0) return 'none is known to differ.'
  return checks.some(({ isByRows }) => !isByRows)
    ? 'the counts prove no loss. To compare row by row, count with --rows.'
    : 'all are equal.'
}

function windowTable(found: readonly Comparison[]): Html {
  const hasTotals = found.some(
    ({ sourceTotal, tableTotal }) => (sourceTotal ?? tableTotal) !== undefined,
  )
  const hasIds = found.some(({ ids }) => ids.length > 0)
  const names = DIFFERENCES.filter((name) => found.some(({ counts }) => counts[name] > 0))
  const rows = (count: number | undefined, total: string | undefined): Html =>
    html`${formatCount(count)}${hasTotals && html`<small>${groupDigits(total)}</small>`}`
  return table(
    'Windows that differ',
    [
      ...['stream', 'window'],
      ...['source', 'tables'].map((side) => (hasTotals ? `${side}: rows, total` : side)),
      ...names,
      ...(hasIds ? ['Ids'] : []),
    ],
    found.map((one) => [
      one.stream,
      formatRange(one.window),
      rows(one.sourceRows, one.sourceTotal),
      rows(one.tableRows, one.tableTotal),
      ...names.map((name) => formatCount(one.counts[name])),
      ...(hasIds ? [listIds(one.ids)] : []),
    ]),
    `twnn${'n'.repeat(names.length)}${hasIds ? 'l' : ''}`,
  )
}

/** An exact decimal with its thousands apart, to the last digit; other text as it is. */
export function groupDigits(total = '–'): string {
  return /^-?\d+(\.\d+)?$/.test(total)
    ? total.replace(/^-?\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ','))
    : total
}

function listIds(ids: readonly string[]): string {
  const more = ids.length - MOST_IDS
  return (
    ids.slice(0, MOST_IDS).join(', ') +
    (more > 0 ? ` and ${more.toLocaleString('en-US')} more` : '')
  )
}

function sum(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : known.reduce((total, value) => total + value, 0)
}
