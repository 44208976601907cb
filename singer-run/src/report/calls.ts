import { formatCount, formatDuration } from '@singer-io-ts/core'
import { type Html, html, table } from './html.ts'
import type { Model } from './model.ts'
import { type Run, rowsOf, sumOf } from './runs.ts'
import { monthOf, plural } from './time.ts'

const MOST_MONTHS = 13

/** What the runs cost, month by month, against what a month may cost. */
export function calls(model: Model): Html {
  const { runs, quota, now } = model
  if (sumOf(runs, 'calls') === undefined) return html``
  const months = new Map<string, Run[]>()
  for (const run of runs) {
    const month = monthOf(run.startedAt)
    months.set(month, [...(months.get(month) ?? []), run])
  }
  const shown = [...months].reverse().slice(0, MOST_MONTHS)
  const share = (runs: readonly Run[]): number => (sumOf(runs, 'calls') ?? 0) / quota
  const used = callsOfMonth(model)
  const hasWaited = sumOf(runs, 'paused_seconds') !== undefined
  return html`<section><h2>Calls and retries</h2>
<p class="lead">${plural(used, 'metered call')} in ${monthOf(now)}, ${formatShare(used / quota)} of a quota of
${quota.toLocaleString('en-US')} a month. These are the runs on record alone: what else the app calls, for other
companies too, counts against the same quota.</p>
${table(
  'Calls by month',
  [
    ...['month', 'runs', 'rows', 'calls', 'retries'],
    ...(hasWaited ? ['told to wait'] : []),
    'of the quota',
  ],
  shown.map(([month, runs]) => [
    month,
    formatCount(runs.length),
    formatCount(sumRows(runs)),
    formatCount(sumOf(runs, 'calls')),
    formatCount(sumOf(runs, 'retries')),
    ...(hasWaited ? [formatDuration(sumOf(runs, 'paused_seconds'))] : []),
    meter(share(runs)),
  ]),
  'wnnnnnn',
)}</section>`
}

/** Calls of the month in which the page is made. */
export function callsOfMonth({ runs, now }: Model): number {
  return (
    sumOf(
      runs.filter((run) => monthOf(run.startedAt) === monthOf(now)),
      'calls',
    ) ?? 0
  )
}

function meter(share: number): Html {
  const width = Math.min(100, 100 * share).toFixed(2)
  return html`<span class="meter${share > 1 && ' over'}"><i style="width:${width}%"></i></span> ${formatShare(share)}`
}

export function formatShare(share: number): string {
  const percent = share * 100
  if (percent > 0 && percent < 0.01) return '< 0.01 %'
  return `${percent.toFixed(percent >= 10 || percent === 0 ? 0 : percent >= 1 ? 1 : 2)} %`
}

function sumRows(runs: readonly Run[]): number | undefined {
  const rows = runs.flatMap((run) => rowsOf(run) ?? [])
  return rows.length === 0 ? undefined : rows.reduce((sum, count) => sum + count, 0)
}
