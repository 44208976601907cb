import { EXIT, formatCount, type Life } from '@singer-io-ts/core'
import { ask } from './answers.ts'
import { type Compared, compare, type Window } from './comparison.ts'
import { BEGIN_COMPARISON } from './comparisonsql.ts'
import type { Settings } from './config.ts'
import { withCount } from './countinput.ts'
import type { Begin } from './countlines.ts'
import { checkedAt, commandsToLoad, findRunner } from './mending.ts'
import { isUnknown, notesOf, shortInstant } from './verifynotes.ts'

/**
 * `target-postgres-raw verify`: compares what `tap-quickbooks count` prints with the tables. A JSON
 * line for each window that has rows, and a closing one, without which it broke off; on stderr a line for each stream, and what to do about each
 * difference. Gives 9 where there is one. Throws ProtocolError for a count that is not whole.
 */
export async function verify(
  input: AsyncIterable<Uint8Array>,
  settings: Settings,
  life: Pick<Life, 'out' | 'log' | 'signal'>,
  /** As the command line names them, for the commands that are advised. */
  given: { configs: readonly string[]; script: string },
): Promise<number> {
  const { out, log } = life
  return withCount(input, life.signal, async (count) => {
    const { begin } = count
    const what = `compare the count with schema '${settings.schema}'`
    const question = (client: Parameters<Parameters<typeof ask>[3]>[0]) =>
      compare(client, count, settings)
    const compared = await ask(settings, life, what, question, true, BEGIN_COMPARISON)

    for (const { counted, windows } of compared)
      for (const window of windows) await out.write(lineOf(counted.stream, window))
    await out.write(closingLine(compared, begin))
    const different = compared.filter(({ windows }) => windows.some(isDifferent))
    for (const one of compared) {
      const says = different.includes(one) ? log.warning : log.info
      says(describe(one))
      for (const note of notesOf(one, begin, settings)) log.warning(note)
    }
    const runner = findRunner(given.script, process.cwd())
    for (const { range, command } of commandsToLoad(compared, begin, given.configs, runner))
      log.warning(`to load ${range} again: ${command}`)
    if (different.length > 0) {
      const names = different.map(({ counted, windows }) => `${counted.stream} ${sumUp(windows)}`)
      log.warning(`verify has found differences: ${names.join('; ')}`)
      return EXIT.checkFailed
    }
    const unknown = compared.filter(isUnknown)
    if (unknown.length > 0) {
      const names = unknown.map(({ counted }) => counted.stream).join(', ')
      log.warning(`verify cannot tell whether all is loaded of ${names}; see above`)
      return EXIT.checkFailed
    }
    log.info(
      begin.kind === 'rows'
        ? 'verify: nothing is missing, extra or stale'
        : 'verify: the counts prove no loss; to compare row by row, count with --rows',
    )
    return EXIT.done
  })
}

function isDifferent({ missing, extra, stale }: Window): boolean {
  return missing + extra + stale > 0
}

function lineOf(stream: string, window: Window): string {
  const { start, end, missing_ids, extra_ids, stale_ids, ...numbers } = window
  return JSON.stringify({
    stream,
    extract_window_start_utc: shortInstant(start),
    extract_window_end_utc: shortInstant(end),
    source_rows: numbers.source_rows,
    table_rows: numbers.table_rows,
    missing: numbers.missing,
    extra: numbers.extra,
    deleted: numbers.deleted,
    stale: numbers.stale,
    pending: numbers.pending,
    source_total: numbers.source_total,
    table_total: numbers.table_total,
    is_equal: !isDifferent(window),
    ...(missing_ids.length > 0 && { missing_ids }),
    ...(extra_ids.length > 0 && { extra_ids }),
    ...(stale_ids.length > 0 && { stale_ids }),
  })
}

/** Says how many lines came before it, and of which streams nothing can be called missing. */
function closingLine(compared: readonly Compared[], { kind }: Begin): string {
  const windows = compared.flatMap((one) => one.windows)
  const names = (some: readonly Compared[]) => some.map(({ counted }) => counted.stream)
  return JSON.stringify({
    type: 'summary',
    kind,
    as_of: shortInstant(checkedAt(compared)),
    streams: names(compared),
    unknown: names(compared.filter(isUnknown)),
    windows: windows.length,
    differing: windows.filter(isDifferent).length,
  })
}

function describe({ counted, table, windows, uncompared }: Compared): string {
  const sum = (of: 'source_rows' | 'table_rows' | 'pending') =>
    windows.reduce((total, window) => total + window[of], 0)
  const pending = sum('pending')
  const parts = [
    `${formatCount(sum('source_rows'))} rows in QuickBooks up to ${shortInstant(counted.end)}`,
    table === undefined ? 'no table yet' : `${formatCount(sum('table_rows'))} in ${table}`,
    sumUp(windows) || 'no difference',
    ...(pending > 0 ? [`${formatCount(pending)} pending, for the next load to bring`] : []),
    ...(uncompared > 0
      ? [`${formatCount(uncompared)} not compared, for they changed before start_date`]
      : []),
  ]
  return `${counted.stream}: ${parts.join(', ')}`
}

/** `2 missing, 1 stale in 3 windows`. */
function sumUp(windows: readonly Window[]): string {
  const found = (['missing', 'extra', 'stale'] as const).flatMap((what) => {
    const rows = windows.reduce((total, window) => total + window[what], 0)
    return rows > 0 ? [`${formatCount(rows)} ${what}`] : []
  })
  const count = windows.filter(isDifferent).length
  return found.length === 0
    ? ''
    : `${found.join(', ')} in ${count} ${count === 1 ? 'window' : 'windows'}`
}
