import { formatCount } from '@singer-io-ts/core'
import { type Html, html, table } from './html.ts'
import { type Comparison, DIFFERENCES } from './inputs.ts'
import type { Model } from './model.ts'
import { formatMinute, formatRange, plural } from './time.ts'

const SHOWN = 100
const MOST_IDS = 10

/** What a comparison with the source has found. */
export function differences(model: Model): Html {
  const { comparisons, comparedAt } = model
  if (comparisons === undefined) return html``
  const found = model.differences
  const at = comparedAt === undefined ? '' : ` (${formatMinute(comparedAt)})`
  const streams = [...new Set(comparisons.map(({ stream }) => stream))]
  const left = found.length - SHOWN
  return html`<section id="differences"><h2>Differences</h2>
<p class="lead">${plural(comparisons.length, 'window')} compared with the source${at}: ${
    found.length === 0
      ? 'all are equal.'
      : `${plural(found.length, 'window')} differ${found.length === 1 ? 's' : ''}.`
  }</p>
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

function windowTable(found: readonly Comparison[]): Html {
  const hasTotals = found.some(
    ({ sourceTotal, tableTotal }) => (sourceTotal ?? tableTotal) !== undefined,
  )
  const hasIds = found.some(({ ids }) => ids.length > 0)
  const names = DIFFERENCES.filter((name) => found.some(({ counts }) => counts[name] > 0))
  const totals = (one: Comparison): string[] =>
    hasTotals ? [one.sourceTotal ?? '–', one.tableTotal ?? '–'] : []
  return table(
    'Windows that differ',
    [
      ...['stream', 'window', 'source', 'tables', ...names],
      ...(hasTotals ? ['total, source', 'total, tables'] : []),
      ...(hasIds ? ['Ids'] : []),
    ],
    found.map((one) => [
      one.stream,
      formatRange(one.window),
      formatCount(one.sourceRows),
      formatCount(one.tableRows),
      ...names.map((name) => formatCount(one.counts[name])),
      ...totals(one),
      ...(hasIds ? [listIds(one.ids)] : []),
    ]),
    `twnn${'n'.repeat(names.length)}${hasTotals ? 'nn' : ''}${hasIds ? 't' : ''}`,
  )
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
