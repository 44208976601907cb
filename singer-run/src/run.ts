import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
import { ConfigError, EXIT, type Flags, type Life, SingerError } from '@singer-io-ts/core'
import { type Child, GRACE_MS, startChild } from './child.ts'
import { formatEndTable } from './endtable.ts'
import { wholeLines } from './lines.ts'
import { createTally, type Role, readMetric, type Tally } from './metrics.ts'
import { describeEnds, type Ends, isSoft, judge } from './outcome.ts'
import { findProgram, NOTHING, type Program } from './program.ts'
import { openRecord, type Recorder } from './record.ts'
import { holdStateFile, type StateFile } from './statefile.ts'
import { keepStates } from './states.ts'
import { createView, type View } from './view.ts'

type Plan = Record<Role, Program> & { state: string; runs: string | undefined }

/** The whole of singer-run once its flags are understood; gives the exit code. */
export async function run(flags: Flags, life: Life): Promise<number> {
  const plan = readPlan(flags, life.environment)
  const state = await holdStateFile(plan.state, life)
  try {
    const { tap, target, state: given, runs } = plan
    const programs = { tap, target }
    const record = await openRecord({
      programs,
      state: given,
      runs,
      path: state.path,
      log: life.log,
    })
    try {
      life.signal.throwIfAborted()
      const code = await join(plan, state, life, record)
      await record.end({ code })
      return code
    } catch (thrown) {
      await record.end({ thrown })
      throw thrown
    }
  } finally {
    await state.release()
  }
}

/** Runs both programs to their end, joined by a pipe. */
async function join(plan: Plan, state: StateFile, life: Life, record: Recorder): Promise<number> {
  const begin = performance.now()
  life.log.info(
    state.exists
      ? `going on from the state in ${state.path}`
      : `first run: there is no state in ${state.path} yet, so the tap begins at its start`,
  )
  const tally = createTally()
  const view = createView(life, tally)
  const { tap, target } = await startBoth(plan, state, view).catch((thrown) => {
    view.stop()
    throw thrown
  })
  const children = [tap, target]
  const stopBoth = (signal: NodeJS.Signals): void => {
    for (const child of children) child.stop(signal)
  }
  life.signal.addEventListener('abort', () =>
    stopBoth(exitCodeOf(life) === EXIT.sigint ? 'SIGINT' : 'SIGTERM'),
  )

  let stateFailure: unknown
  const keep = async (text: string): Promise<void> => {
    await state.replace(text)
    view.saved()
  }
  const output = createOutput(life)
  const drained = Promise.all([
    ...children.map((child) => passOn(child, { tally, view, record, output })),
    keepStates(target.stdout ?? noBytes(), keep, life.log).catch((failure) => {
      stateFailure = failure
      stopBoth('SIGTERM')
    }),
  ])

  const ends = await waitForBoth(tap, target)
  if (!(await isInTime(drained))) for (const child of children) child.kill()
  view.stop()
  record.programsEnded(ends, tally.streams)
  for (const line of formatEndTable(tally.streams, (performance.now() - begin) / 1000)) output(line)
  life.signal.throwIfAborted()
  if (stateFailure !== undefined) throw stateFailure
  return report(ends, { tap, target }, life)
}

/** All faults of the flags at once, before anything is started. */
function readPlan(flags: Flags, environment: Life['environment']): Plan {
  const faults: string[] = []
  const text = (flag: Role | 'state' | 'runs', meaning: string): string => {
    const value = flags[flag]
    if (typeof value === 'string' && value.trim() !== '') return value
    faults.push(
      Array.isArray(value)
        ? `--${flag}: is given ${value.length} times`
        : `--${flag}: is required, found nothing (${meaning})`,
    )
    return ''
  }
  const program = (role: Role, meaning: string): Program => {
    const line = text(role, meaning)
    return line === '' ? NOTHING : findProgram(role, line, environment, faults)
  }
  const plan = {
    tap: program('tap', 'the command that reads'),
    target: program('target', 'the command that loads'),
    state: text('state', 'where the state is kept'),
    runs: flags.runs === undefined ? undefined : text('runs', 'where records of the runs are kept'),
  }
  if (faults.length > 0) throw new ConfigError(faults, { hint: 'See singer-run --help.' })
  return plan
}

async function startBoth(
  plan: Plan,
  state: StateFile,
  { environment }: View,
): Promise<Record<Role, Child>> {
  const target = startChild('target', plan.target.file, plan.target.args, {
    stdin: 'pipe',
    stdout: 'pipe',
    environment,
  })
  if (target.pid === undefined || target.stdin === null) {
    await target.ended
    throw notStarted(target)
  }
  const args = state.exists ? [...plan.tap.args, '--state', state.path] : plan.tap.args
  const tap = startChild('tap', plan.tap.file, args, {
    stdin: 'ignore',
    stdout: target.stdin,
    environment,
  })
  // The tap holds the pipe now. With a second end here the target would never see its end.
  target.stdin.destroy()
  return { tap, target }
}

type Listeners = { tally: Tally; view: View; record: Recorder; output: (line: string) => void }

/** Passes a program's stderr on, each line whole, and counts its metrics. */
async function passOn(child: Child, { tally, view, record, output }: Listeners): Promise<void> {
  try {
    for await (const line of wholeLines(child.stderr)) {
      const metric = readMetric(line)
      if (metric !== undefined) tally.add(child.role, metric)
      else record.see(child.role, line)
      if (view.take(child.role, line)) continue
      // JSON log lines stay JSON lines.
      output(line.startsWith('{') || line === '' ? line : `${child.role}: ${line}`)
    }
  } catch {
    // Its stderr broke off; its exit code tells.
  }
}

/** How long a tap that broke off inside a line may take from closing the pipe to its end. */
const CUT_MS = 2000

/** Waits for both. The end of one leads to the end of the other. */
async function waitForBoth(tap: Child, target: Child): Promise<Ends> {
  await Promise.race([tap.ended, target.ended])
  // Two ends that this process sees at once come in any order, so the codes tell below.
  await nextTurn()
  let first: Role = tap.end === undefined ? 'target' : 'tap'
  if (first === 'target') {
    // It may have seen the end of the pipe, or a line that was cut there, just before the tap ended.
    if (target.end?.code === 0) await isInTime(tap.ended)
    const isRefused = target.end?.code === EXIT.badInput
    if (isRefused && (await isInTime(tap.ended, CUT_MS))) first = 'tap'
    tap.stop('SIGTERM')
  }
  const [tapEnd, targetEnd] = await Promise.all([tap.ended, target.ended])
  // Whoever met a closed pipe was not the first to go.
  const wasCut = tapEnd.code === EXIT.closedOutput
  return { tap: tapEnd, target: targetEnd, first: wasCut ? 'target' : first }
}

async function isInTime(done: Promise<unknown>, withinMs = GRACE_MS): Promise<boolean> {
  const timer = new AbortController()
  const late = pause(withinMs, false, { signal: timer.signal }).catch(() => false)
  const isDone = await Promise.race([done.then(() => true), late])
  timer.abort()
  return isDone
}

/** Endings that the same command would only repeat. */
const NEEDS_MENDING: readonly number[] = [EXIT.config, EXIT.usage, EXIT.authorisation]

/** Says which program failed, and gives the run's exit code. */
function report(ends: Ends, children: Record<Role, Child>, life: Life): number {
  const { code, culprit } = judge(ends)
  if (culprit === undefined) return code
  if (children[culprit].failure !== undefined) throw notStarted(children[culprit])
  const titles = { tap: children.tap.title, target: children.target.title }
  const message = describeEnds(ends, titles)
  if (isSoft(code)) {
    life.log.warning(`${message}. The state is good: the same command goes on from there`)
    return code
  }
  throw new SingerError(code, message, {
    hint: NEEDS_MENDING.includes(code)
      ? 'Its own lines above say what to mend.'
      : 'Its own lines above say why. What was committed is in the state: ' +
        'the same command goes on from there.',
  })
}

function notStarted(child: Child): ConfigError {
  return new ConfigError([`--${child.role}: ${child.title} cannot be started (${child.failure})`], {
    hint: 'Is the file a program for this machine, and the interpreter in its first line there?',
  })
}

/** Plain lines on stderr, or log lines where those must be JSON. */
function createOutput({ environment, log, screen }: Life): (line: string) => void {
  if (environment.LOGGING_CONF_FILE || environment.SINGER_SDK_LOG_CONFIG)
    return (line) => {
      if (line.startsWith('{')) screen.write(`${line}\n`)
      else log.info(line)
    }
  return (line) => {
    screen.write(`${line}\n`)
  }
}

function exitCodeOf(life: Life): number | undefined {
  return (life.signal.reason as { code?: number } | undefined)?.code
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}
