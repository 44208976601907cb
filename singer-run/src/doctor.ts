import {
  type Check,
  ConfigError,
  describeCheck,
  EXIT,
  type Flags,
  formatRough,
  type Life,
  oneLine,
  showControls,
} from '@singer-io-ts/core'
import { lookAtState } from './statefile.ts'
import { type Trial, tryProgram } from './trial.ts'

/** The oldest Node that is tried, by major version. */
const LEAST_NODE: Record<number, number> = { 20: 19, 22: 12 }

/** Change data capture looks back no further. */
const DELETIONS_DAYS = 30

/**
 * `singer-run doctor`: looks whether a run would go well, and prints a line for each thing that it
 * has looked at; makes one metered call if the tap is tap-quickbooks. Gives 9 where something failed.
 */
export async function doctor(flags: Flags, life: Life): Promise<number> {
  const { tap, target, state } = readFlags(flags)
  const all: Check[] = []
  async function tell(about: string, checks: readonly Check[]): Promise<void> {
    for (const check of checks) {
      all.push(check)
      const what = `${about} ${check.check}`.trim()
      await life.out.write(
        `${check.outcome.padEnd(4)}  ${what.padEnd(17)}  ${showControls(oneLine(describeCheck(check)))}`,
      )
    }
    await life.out.flush()
  }

  await tell('', [checkNode(process.versions.node)])
  const trials = { tap: tryProgram('tap', tap, life), target: tryProgram('target', target, life) }
  // It is waited for below.
  trials.target.catch(() => {})
  const tried = await trials.tap
  await tell('tap', tried.checks)
  const { checks, tables } = await trials.target
  await tell('target', checks)
  await tell('', await checkState(state, { ...tried, tables }))

  const failed = all.filter(({ outcome }) => outcome === 'fail').length
  const warned = all.filter(({ outcome }) => outcome === 'warn').length
  if (failed > 0) {
    life.log.warning(
      `${failed} of ${all.length} checks failed: mend what the lines with 'fail' name, then run doctor again`,
    )
    return EXIT.checkFailed
  }
  life.log.info(
    warned > 0
      ? `a run can begin; ${warned} of ${all.length} checks have a remark`
      : `a run can begin: all ${all.length} checks are good`,
  )
  return EXIT.done
}

function readFlags(flags: Flags): { tap: string; target: string; state: string } {
  const faults: string[] = []
  const text = (flag: string): string => {
    const value = flags[flag]
    if (typeof value === 'string' && value.trim() !== '') return value
    faults.push(
      Array.isArray(value)
        ? `--${flag}: is given ${value.length} times`
        : `--${flag}: is required, found nothing`,
    )
    return ''
  }
  const given = { tap: text('tap'), target: text('target'), state: text('state') }
  if (faults.length > 0)
    throw new ConfigError(faults, { hint: 'Give the flags of the run that is to be checked.' })
  return given
}

export function checkNode(version: string): Check {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const least = LEAST_NODE[major] ?? (major >= 24 ? 0 : Number.POSITIVE_INFINITY)
  const check = 'node'
  if (minor >= least) return { check, outcome: 'ok', found: version }
  return {
    check,
    outcome: 'fail',
    found: `${version} is none of 20.19, 22.12, 24 or newer ones of these lines`,
    todo: 'Install one of them.',
  }
}

/** The state file: one line where all is well, else one for each thing that is not. */
async function checkState(given: string, { realmId, isOurs, tables }: Trial): Promise<Check[]> {
  const check = 'state file'
  const { path, faults, state, ageSeconds, heldBy } = await lookAtState(given)
  const checks: Check[] = faults.map((found) => ({ check, outcome: 'fail', found }))
  if (heldBy !== undefined)
    checks.push({
      check,
      outcome: 'warn',
      found: `${path}: a run is working with it now (${heldBy})`,
      todo: 'Wait until it has ended before you start another one',
    })
  const company = state?.realm_id
  if (realmId !== undefined && company !== undefined && company !== null && company !== realmId)
    checks.push({
      check,
      outcome: 'fail',
      found: `${path}: is of company ${company}, the tap's realm_id is ${realmId}`,
      todo: 'Use a state file of its own for each company.',
    })
  if (isOurs && ageSeconds !== undefined && ageSeconds > DELETIONS_DAYS * 86_400)
    checks.push({
      check,
      outcome: 'warn',
      found: `${path}: was saved ${formatAge(ageSeconds)} ago`,
      todo: `QuickBooks tells deletions of ${DELETIONS_DAYS} days only: see on_delete_gap`,
    })
  if (tables === 0 && Object.values(state?.bookmarks ?? {}).some(isPastRows))
    checks.push({
      check,
      outcome: 'warn',
      found: `${path}: says that rows are loaded already, but the target has no table for them`,
      todo: 'A run would load only what is newer: look at database, schema and table_prefix, or use a new state file',
    })
  if (checks.length > 0) return checks
  const found =
    ageSeconds === undefined
      ? `${path}: not there yet, so the first run reads everything`
      : `${path}: saved ${formatAge(ageSeconds)} ago` +
        (typeof company === 'string' ? `, of company ${company}` : '')
  return [{ check, outcome: 'ok', found }]
}

/** Whether a bookmark stands behind rows; those of other taps do not say that there were none. */
function isPastRows(bookmark: unknown): boolean {
  if (typeof bookmark !== 'object' || bookmark === null) return false
  return Object.keys(bookmark).length > 0 && (bookmark as { rows?: unknown }).rows !== 0
}

function formatAge(seconds: number): string {
  const days = Math.floor(seconds / 86_400)
  return days > 2 ? `${days} days` : formatRough(seconds)
}
