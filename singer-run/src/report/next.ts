import { dirname } from 'node:path'
import { windowStateFile } from '@singer-io-ts/core'
import { HIDDEN } from '../redact.ts'
import type { Comparison } from './checks.ts'
import { type Html, html } from './html.ts'
import type { Model } from './model.ts'
import type { Run } from './runs.ts'
import { formatTime, plural } from './time.ts'

/** What to do after an exit code, before the same command is given again. */
const ADVICE: Record<number, string> = {
  1: 'Mend what it names in the settings, the catalog, the state or the arguments.',
  2: 'A flag is not known: see --help of the program.',
  3: 'The source refuses the token or a right: check the credentials, or authorise the app again.',
  4: 'The source failed after all tries. Run again later; the state is good.',
  5: 'The database failed. Mend what the message names, then run again.',
  6: 'The target was given what it cannot take. The message names stream and line.',
  7: 'Some streams failed, the others are complete. Run again.',
  8: 'call_limit was reached. Run again when calls may be made.',
  130: 'It was stopped by Ctrl-C. Run again.',
  137: 'A program was killed. Run again.',
  143: 'It was stopped by SIGTERM. Run again.',
}

/** The command that goes on, and what comes before it. */
export function next(model: Model): Html {
  const { last, streams } = model
  if (last === undefined) return html``
  const stuck = streams.filter(({ unreadable }) => unreadable.length > 0)
  const gaps = streams.filter(({ deletionsMissedSince }) => deletionsMissedSince !== undefined)
  const toLoad = model.differences.find(({ counts }) => counts.missing + counts.stale > 0)
  const extra = model.differences.reduce((sum, { counts }) => sum + counts.extra, 0)
  const notes: (Html | string | false)[] = [
    adviceOf(last),
    last.command.includes(HIDDEN)
      ? `${HIDDEN} stands for what the record does not keep of other programs: put in your own.`
      : '',
    ...stuck.map(
      ({ name }) =>
        `${name}: a record cannot be read. Open and save it at the source; each run asks for it again.`,
    ),
    ...gaps.map(
      ({ name, deletionsMissedSince }) =>
        `${name}: deletions since ${formatTime(deletionsMissedSince ?? 0)} may have been missed. Run once with on_delete_gap reload.`,
    ),
    ...(toLoad === undefined ? [] : [again(last, toLoad, checkedAt(model, toLoad))]),
    extra > 0 &&
      `${plural(extra, 'row')} of the tables ${extra === 1 ? 'is' : 'are'} not at the source any more. No window that is loaded again marks them; what verify said on stderr tells how to.`,
  ]
  return html`<section><h2>How to go on</h2>
<p class="lead">The same command goes on from the state; what is loaded already is not read again.</p>
<pre>${model.goOn ?? `cd ${last.folder}\nnpx ${last.command}`}</pre>
<ul>${notes.filter((note) => note !== '' && note !== false).map((note) => html`<li>${note}</li>`)}</ul></section>`
}

function adviceOf({ result, exit_code }: Run): string {
  if (result === 'done') return ''
  if (result === 'running') return 'A run is under way: wait until it has ended.'
  if (result === 'killed')
    return 'The last run was killed. Nothing is lost: what was committed is in the state.'
  return ADVICE[exit_code ?? -1] ?? 'See what the last run said.'
}

/** When the source was counted for the check that has this window. */
function checkedAt({ checks = [] }: Model, difference: Comparison): string {
  return checks.find(({ windows }) => windows.includes(difference))?.asOf ?? ''
}

/** How this project's tap loads a window again; other taps have ways of their own. */
function again({ command }: Run, { window }: Comparison, asOf: string): Html | string {
  const parts =
    /^(singer-run --tap )('tap-quickbooks[^']*')( --target )('[^']*')( --state )([^' ]+)/
  const found = parts.exec(command)
  if (found === null) return 'Load the windows that differ again.'
  const [, start, tap = '', middle, target = '', flag, state = ''] = found
  const time = (at: number): string => new Date(at).toISOString().replace('.000Z', 'Z')
  const withEnv = (words: string): string =>
    / --config ENV\b/.test(words) ? words : words.replace(/'$/, " --config ENV'")
  const file = windowStateFile(dirname(state), time(window.start), asOf)
  return html`To load a window that differs again, the first one here, with a state file of its own:
<pre>TAP_QUICKBOOKS_START_DATE=${time(window.start)} TAP_QUICKBOOKS_END_DATE=${time(window.end)} \\
TARGET_POSTGRES_RAW_STATE_ID=window \\
npx ${start}${withEnv(tap)}${middle}${withEnv(target)}${flag}${file}</pre>`
}
