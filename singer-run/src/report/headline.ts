import { formatCount, formatDuration } from '@singer-io-ts/core'
import { callsOfMonth, formatShare } from './calls.ts'
import { TONE, tag, wordsOf } from './history.ts'
import { type Html, html } from './html.ts'
import { countRows, type Model } from './model.ts'
import { rowsOf, sumOf } from './runs.ts'
import { formatMinute, formatSpan, monthOf, plural } from './time.ts'

export type Headline = { tone: 'good' | 'warn' | 'bad'; text: string }

/** The page in a sentence. */
export function headlineOf(model: Model): Headline {
  const { last, differences, unknown, vanished } = model
  const texts = [progressText(model), lastText(model), countText(model), differenceText(model)]
  const text = texts.filter((part) => part !== '').join('; ')
  const isOpen = model.streams.some(
    ({ isComplete, unreadable, deletionsMissedSince }) =>
      !isComplete || unreadable.length > 0 || deletionsMissedSince !== undefined,
  )
  const isLost = hasNoRows(model) && vanished.length > 0
  const isBad = model.isFailed || differences.length > 0 || unknown.length > 0 || isLost
  const isEmpty = hasNoRows(model) && model.streams.some(({ rows }) => rows !== 0)
  const isWell = last?.result === 'done' && !isOpen && !isEmpty && vanished.length === 0
  return { tone: isBad ? 'bad' : isWell ? 'good' : 'warn', text: `${text}.` }
}

function progressText({ streams, last }: Model): string {
  if (!isKnown({ streams, last })) return 'No run is on record yet'
  if (streams.length === 0) return 'Nothing is loaded yet'
  const complete = streams.filter(({ isComplete }) => isComplete)
  const open = streams.find(({ isComplete }) => !isComplete)
  const times = complete.flatMap(({ doneTo, unreadable }) =>
    doneTo === undefined || unreadable.length > 0 ? [] : [doneTo],
  )
  const upTo = times.length === 0 ? '' : ` up to ${formatMinute(Math.min(...times))}`
  const holes = streams.filter(({ unreadable }) => unreadable.length > 0).length
  const but = holes === 0 ? '' : `; ${plural(holes, 'stream')} with rows that cannot be read`
  if (open === undefined) {
    const who =
      streams.length === 1
        ? `The stream ${streams[0]?.name} is`
        : `All ${streams.length} streams are`
    return `${who} complete${upTo}${but}`
  }
  const share =
    open.share === undefined ? '' : ` (${Math.floor(100 * Math.min(open.share, 0.99))} %)`
  const reach =
    open.doneTo === undefined
      ? `${open.name} is not complete`
      : `${open.name} has got to ${formatMinute(open.doneTo)}${share}`
  if (complete.length === 0)
    return `${streams.length === 1 ? '' : 'No stream is complete; '}${reach}${but}`
  return `${complete.length} of ${streams.length} streams are complete${upTo}; ${reach}${but}`
}

function lastText({ last, now }: Model): string {
  if (last === undefined) return ''
  if (last.result === 'running') return 'a run is under way'
  const ago = now - last.startedAt
  // A clock that was set back says nothing.
  const when = ago < 0 ? `at ${formatMinute(last.startedAt)}` : `${formatSpan(ago)} ago`
  const how = { done: 'went well', incomplete: 'left something to do', stopped: 'was stopped' }
  const result = last.result === 'killed' ? 'was killed' : 'failed'
  return `the last run, ${when}, ${how[last.result as keyof typeof how] ?? result}`
}

/** Whether a record or a state says what was done. */
function isKnown({ streams, last }: Pick<Model, 'streams' | 'last'>): boolean {
  return last !== undefined || streams.some(({ range, doneTo }) => (range ?? doneTo) !== undefined)
}

/** Somebody has counted, and found nothing. */
function hasNoRows({ counts }: Model): boolean {
  return counts !== undefined && !counts.some(({ rows }) => rows > 0)
}

function countText(model: Model): string {
  if (hasNoRows(model)) return 'nothing is loaded, by the count that was given'
  const { vanished } = model
  return vanished.length === 0
    ? ''
    : `the count that was given has no rows of ${vanished.slice(0, 5).join(', ')}`
}

/** Equality is said where it was found, and of as much as it was found of. */
function differenceText(model: Model): string {
  const { checks, comparisons, differences, unknown } = model
  if (checks === undefined || comparisons === undefined) return ''
  if (differences.length > 0)
    return `${plural(differences.length, 'window')} differ${differences.length === 1 ? 's' : ''} from the source`
  if (unknown.length > 0)
    return `the comparison cannot tell whether all is loaded of ${unknown.slice(0, 5).join(', ')}`
  if (comparisons.length === 0) return 'there were no rows to compare with the source'
  if (checks.some(({ isByRows }) => !isByRows)) return 'the counts of the source prove no loss'
  return isKnown(model)
    ? 'no difference from the source'
    : `${plural(comparisons.length, 'window')} compared, and equal`
}

/** The sentence, and four facts below it. */
export function headline(model: Model): Html {
  const { tone, text } = headlineOf(model)
  const { last, runs } = model
  const sign = { good: 'All is well', warn: 'Not everything is done', bad: 'Needs attention' }[tone]
  return html`<header class="${tone}"><p class="sign"><i class="${tone}"></i>${sign}</p>
<h1>${keepTimes(text)}</h1>
${last !== undefined && TONE[last.result] === 'bad' && html`<blockquote>${wordsOf(last)}</blockquote>`}
<dl>${last !== undefined && fact('Last run', html`${tag(last)}`, `${formatMinute(last.startedAt)}, ${lasted(last.seconds)}`)}
${rowsFact(model)}
${sumOf(runs, 'calls') !== undefined && fact(`Calls in ${monthOf(model.now)}`, formatCount(callsOfMonth(model)), `${formatShare(callsOfMonth(model) / model.quota)} of the quota`)}
${differenceFact(model)}</dl></header>`
}

function lasted(seconds: number | undefined): string {
  return seconds === undefined ? 'no end on record' : `took ${formatDuration(seconds)}`
}

function rowsFact(model: Model): Html | false {
  const { streams, rows, last } = model
  if (streams.length === 0) return false
  const counts = streams.map(({ name, rows: read }) => countRows(model, name) ?? read)
  if (counts.every((count) => count === undefined)) return false
  const total = counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)
  const recent = last === undefined ? undefined : rowsOf(last)
  return fact(
    rows === undefined ? 'Rows read' : 'Rows in the tables',
    formatCount(total),
    recent === undefined ? '' : `${formatCount(recent)} by the last run`,
  )
}

function differenceFact({ comparisons, differences, unknown, comparedAt }: Model): Html {
  if (comparisons === undefined) return fact('Differences', '–', 'not compared')
  if (differences.length === 0 && comparisons.length === 0)
    return fact('Differences', '–', 'no rows to compare')
  if (differences.length === 0 && unknown.length > 0)
    return fact('Differences', '–', 'nobody can tell, see above')
  const at = comparedAt === undefined ? '' : formatMinute(comparedAt)
  return fact('Differences', formatCount(differences.length), at)
}

function fact(name: string, value: Html | string, note: string): Html {
  return html`<div><dt>${name}</dt><dd>${value}<small>${note}</small></dd></div>`
}

/** The text with its times in one piece each. */
function keepTimes(text: string): Html[] {
  const times = /(\d{4}-\d{2}-\d{2} \d{2}:\d{2} UTC)/
  return text
    .split(times)
    .map((part, at) => (at % 2 === 1 ? html`<span class="nw">${part}</span>` : html`${part}`))
}
