import { formatCount, formatDuration } from '@singer-io-ts/core'
import { type Html, html, table } from './html.ts'
import type { Model } from './model.ts'
import { type Run, rowsOf, sumOf } from './runs.ts'
import { formatMinute, formatTime, plural } from './time.ts'

const SHOWN = 12
const MORE = 300
const SQUARES = 120
const MOST_CHARACTERS = 400

/** How good each result is; the words say the same. */
export const TONE: Record<Run['result'], 'good' | 'warn' | 'bad'> = {
  done: 'good',
  running: 'warn',
  incomplete: 'warn',
  stopped: 'warn',
  failed: 'bad',
  killed: 'bad',
}

/** The runs on record, newest first. */
export function history(model: Model): Html {
  const { runs, unreadable } = model
  if (runs.length === 0) return html``
  const newest = [...runs].reverse()
  const count = (result: Run['result']): number =>
    runs.filter((run) => run.result === result).length
  const results = (Object.keys(TONE) as Run['result'][])
    .filter((result) => count(result) > 0)
    .map((result) => `${count(result).toLocaleString('en-US')} ${result}`)
  const strip = runs.slice(-SQUARES)
  const rest = newest.slice(SHOWN, SHOWN + MORE)
  const left = newest.length - SHOWN - rest.length
  return html`<section><h2>Runs</h2>
<p class="lead">${plural(runs.length, 'run')} on record since ${formatMinute(runs[0]?.startedAt ?? 0)}: ${results.join(', ')}.
${unreadable.length > 0 && `${plural(unreadable.length, 'file')} beside them cannot be read: ${unreadable.slice(0, 3).join(', ')}.`}</p>
${
  strip.length > 3 &&
  html`<div class="runs" role="img" aria-label="The last ${strip.length} runs: ${strip.map(({ result }) => result).join(', ')}">${strip.map(
    ({ result, startedAt }) =>
      html`<i class="${TONE[result]}" title="${formatMinute(startedAt)}: ${result}"></i>`,
  )}</div>`
}
${runTable('The latest runs', newest.slice(0, SHOWN))}
${rest.length > 0 && html`<details><summary>${plural(rest.length, 'run')} before</summary>${runTable('Runs before', rest)}</details>`}
${left > 0 && html`<p class="lead">${plural(left, 'older run')} in the same folder.</p>`}
${streamTable(model)}</section>`
}

function runTable(caption: string, runs: readonly Run[]): Html {
  const said = runs.map(wordsOf)
  const hasSaid = said.some((words) => words !== '')
  return table(
    caption,
    [
      ...['started', 'result', 'rows', 'calls', 'retries', 'duration'],
      ...(hasSaid ? ['what was said'] : []),
    ],
    runs.map((run, at) => [
      formatTime(run.startedAt),
      tag(run),
      formatCount(rowsOf(run)),
      formatCount(sumOf([run], 'calls')),
      formatCount(sumOf([run], 'retries')),
      formatDuration(run.seconds),
      ...(hasSaid ? [said[at] ?? ''] : []),
    ]),
    'wwnnnnl',
  )
}

export function tag({ result, exit_code }: Run): Html {
  const code = exit_code === undefined || exit_code === 0 ? '' : ` (${exit_code})`
  return html`<b class="tag ${TONE[result]}">${result}${code}</b>`
}

/** Why it ended so: its own last word, before that the words of the program that failed. */
export function wordsOf(run: Run): string {
  if (run.result === 'killed') return 'it never said how it ended, as after kill -9 or a power cut'
  if (run.result === 'running') return `process ${run.process?.pid} on ${run.process?.host}`
  if (run.result === 'done') return ''
  const programs = [run.tap, run.target].filter((one) => one !== undefined && one.exit_code !== 0)
  const said = programs
    .flatMap((one) => [...(one?.warnings ?? []), ...(one?.last_lines ?? [])].slice().reverse())
    .find((line) => typeof line === 'string' && /^(CRITICAL|ERROR|WARNING) /.test(line))
  const words = said?.replace(/^[A-Z]+ /, '') ?? run.message ?? ''
  return words.length > MOST_CHARACTERS ? `${words.slice(0, MOST_CHARACTERS)}…` : words
}

/** What the runs did, by stream; only what somebody counted has a column. */
function streamTable({ runs, streams }: Model): Html {
  const columns = [
    ['rows read', 'rows'],
    ['rows loaded', 'loaded'],
    ['windows', 'windows'],
    ['calls', 'calls'],
    ['retries', 'retries'],
  ] as const
  const counted = columns.filter(([, count]) => sumOf(runs, count) !== undefined)
  if (counted.length === 0) return html``
  const shared = runs.some((run) => run.streams.some(({ stream }) => stream === ''))
  const rows = [...streams.map(({ name }) => name), ...(shared ? [''] : [])].map((name) => [
    name === '' ? '(shared)' : name,
    ...counted.map(([, count]) => formatCount(sumOf(runs, count, name))),
  ])
  return html`<details><summary>The same by stream, over all runs on record</summary>${table(
    'All runs on record, by stream',
    ['stream', ...counted.map(([head]) => head)],
    [...rows, ['all', ...counted.map(([, count]) => formatCount(sumOf(runs, count)))]],
    `t${'n'.repeat(counted.length)}`,
  )}</details>`
}
