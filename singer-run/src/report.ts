import { readFileSync, realpathSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, resolve } from 'node:path'
import {
  ConfigError,
  EXIT,
  type Flags,
  flagValues,
  type Life,
  writeFileAtomic,
} from '@singer-io-ts/core'
import { type RunRecord, runsFolder } from './record.ts'
import { readChecks } from './report/checks.ts'
import { headlineOf } from './report/headline.ts'
import { readCounts, readInput } from './report/inputs.ts'
import { type Inputs, makeModel } from './report/model.ts'
import { formatPage } from './report/page.ts'
import { type Runs, readRuns } from './report/runs.ts'

/** The calls that the free tier of Intuit's App Partner Program has a month. */
const DEFAULT_QUOTA = '500000'

/** `singer-run report`: one page of what the runs did, and of what is loaded. */
export async function report(flags: Flags, { log, out }: Life): Promise<number> {
  const faults: string[] = []
  const inputs = readInputs(flags, faults)
  const path = flagValues(flags.out).at(-1) ?? 'report.html'
  if (path !== '-') faults.push(...faultsOfOut(path, flags, inputs))
  if (faults.length > 0 || inputs === undefined)
    throw new ConfigError(faults, { hint: 'See singer-run report --help.' })
  for (const name of inputs.unreadable) log.warning(`${name} in the folder of records is not one`)
  const model = makeModel(inputs)
  const page = formatPage(model)
  if (path === '-') await out.write(page)
  else
    await writeFileAtomic(path, page).catch((cause) => {
      throw new ConfigError([`--out ${path}: cannot be written (${cause.message})`], { cause })
    })
  log.info(headlineOf(model).text)
  if (path !== '-') log.info(`the page is ${resolve(path)}`)
  return EXIT.done
}

/** The page must replace nothing of what it tells of. */
function faultsOfOut(path: string, flags: Flags, inputs: Inputs | undefined): string[] {
  const out = realPath(path)
  const runs = flagValues(flags.runs).at(-1) ?? runsFolder(inputs?.stateFile ?? '')
  if (dirname(out) === realPath(runs)) return [`--out ${path}: lies among the records of runs`]
  return (['state', 'counts', 'verify'] as const).flatMap((flag) =>
    flagValues(flags[flag]).some((one) => realPath(one) === out)
      ? [`--out ${path}: is the file of --${flag}, which the page would replace`]
      : [],
  )
}

/** Everything that the flags name; undefined, with faults, where something is missing. */
function readInputs(flags: Flags, faults: string[]): Inputs | undefined {
  const given = flagValues(flags.state).at(-1)
  const stateFile = given === undefined ? undefined : realPath(given)
  const folder = flagValues(flags.runs).at(-1)
  if (stateFile === undefined && folder === undefined) {
    faults.push('--state: is required, or --runs, the folder of the records')
    return undefined
  }
  const found = readFolder(folder, stateFile, faults)
  const files = [...new Set(found.runs.map((run) => run.state_file))]
  if (given === undefined && files.length > 1)
    faults.push(
      `--runs ${folder}: has the runs of ${files.length} state files; say which with --state (${files.join(', ')})`,
    )
  const quota = flagValues(flags.quota).at(-1) ?? DEFAULT_QUOTA
  if (!/^[1-9]\d{0,14}$/.test(quota))
    faults.push(`--quota: must be a number of calls, found ${quota}`)
  const checks = readLines('verify', flagValues(flags.verify), readChecks, faults)
  const counts = readLines('counts', flagValues(flags.counts), readCounts, faults)
  return {
    ...found,
    now: Date.now(),
    stateFile: given ?? files[0],
    state: readState(stateFile ?? files[0], found, faults),
    counts,
    checks,
    goOn: flagValues(flags.next).at(-1),
    quota: Number(quota),
  }
}

function readFolder(
  folder: string | undefined,
  stateFile: string | undefined,
  faults: string[],
): Runs {
  try {
    return readRuns(folder ?? runsFolder(stateFile ?? ''), stateFile, isRunning)
  } catch (cause) {
    // A state that was never run by singer-run has no records.
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    if (!isMissing || folder !== undefined)
      faults.push(
        `--runs ${folder ?? runsFolder(stateFile ?? '')}: cannot be read (${(cause as Error).message})`,
      )
    return { runs: [], unreadable: [] }
  }
}

/** What the state file says now, else what the last run left. */
function readState(path: string | undefined, { runs }: Runs, faults: string[]): unknown {
  let text: string | undefined
  try {
    text = path === undefined ? undefined : readFileSync(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT')
      faults.push(`--state ${path}: cannot be read (${(cause as Error).message})`)
  }
  if (text === undefined) {
    const last = runs.filter((run) => (run.state_after ?? run.state_before ?? null) !== null).at(-1)
    return last?.state_after ?? last?.state_before
  }
  try {
    return JSON.parse(text)
  } catch {
    faults.push(`--state ${path}: is not whole JSON`)
    return undefined
  }
}

/** The lines of all files of a flag; undefined when none is given. */
function readLines<T>(
  flag: string,
  paths: readonly string[],
  read: (text: string) => T[],
  faults: string[],
): T[] | undefined {
  if (paths.length === 0) return undefined
  return paths.flatMap((path) => {
    try {
      return read(readInput(path))
    } catch (cause) {
      faults.push(`--${flag} ${path}: ${(cause as Error).message}`)
      return []
    }
  })
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return resolve(path)
  }
}

/** Whether such a process is there. That of another machine is believed. */
function isRunning(process_: RunRecord['process']): boolean {
  if (process_?.host !== hostname()) return true
  try {
    process.kill(process_.pid, 0)
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}
