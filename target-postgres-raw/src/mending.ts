import { existsSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { windowStateFile } from '@singer-io-ts/core'
import type { Compared, Window } from './comparison.ts'
import type { Begin } from './countlines.ts'
import type { Instant } from './instant.ts'
import { shortInstant } from './verifynotes.ts'

type Range = { start: Instant; end: Instant }

/** Where the states lie as the README has it; verify is not told of another place. */
const STATES = 'state'

/**
 * The commands that load again where rows are missing or stale: one for each stretch of windows, for
 * all streams, with a state file of its own, so that the run begins at the window.
 */
export function commandsToLoad(
  compared: readonly Compared[],
  { config, catalog }: Begin,
  targetConfigs: readonly string[],
  runner: string,
): { range: string; command: string }[] {
  const ranges = joined(compared.flatMap(({ windows }) => windows.filter(isToLoad)))
  const asOf = checkedAt(compared)
  const tap = ['tap-quickbooks', ...flags(config)]
  if (catalog !== undefined) tap.push('--catalog', catalog)
  const target = ['target-postgres-raw', ...flags(targetConfigs)]
  return ranges.map(({ start, end }) => ({
    range: `${shortInstant(start)} to ${shortInstant(end)}`,
    command:
      `TAP_QUICKBOOKS_START_DATE=${shortInstant(start)} TAP_QUICKBOOKS_END_DATE=${shortInstant(end)} ` +
      `TARGET_POSTGRES_RAW_STATE_ID=window ${quote(runner)} ` +
      `--tap ${quote(tap.map(quote).join(' '))} --target ${quote(target.map(quote).join(' '))} ` +
      `--state ${windowStateFile(STATES, start, asOf)}`,
  }))
}

/** When the count began, by QuickBooks' clock. */
export function checkedAt(compared: readonly Compared[]): Instant {
  const times = compared.map(({ counted }) => counted.asOf).sort()
  return times.at(-1) ?? ''
}

/** singer-run as it is called from the folder `cwd`: it lies where this program's `script` lies. */
export function findRunner(script: string, cwd: string): string {
  const file = join(dirname(script), 'singer-run')
  if (!existsSync(file)) return 'singer-run'
  return file.startsWith(join(cwd, sep)) ? relative(cwd, file) : file
}

function isToLoad({ missing, stale }: Window): boolean {
  return missing + stale > 0
}

/** Ranges that touch are one. */
function joined(ranges: readonly Range[]): Range[] {
  const all: Range[] = []
  for (const { start, end } of [...ranges].sort((a, b) => (a.start < b.start ? -1 : 1))) {
    const last = all.at(-1)
    if (last === undefined || start > last.end) all.push({ start, end })
    else if (end > last.end) last.end = end
  }
  return all
}

/** The environment wins over the files, where it is named. */
function flags(configs: readonly string[]): string[] {
  const all = configs.includes('ENV') ? configs : [...configs, 'ENV']
  return all.flatMap((path) => ['--config', path])
}

/** A word as the shell and singer-run read it. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
