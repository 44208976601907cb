// Runs the built programs through singer-run, shows how far they are, and counts what they did.
import { createWriteStream, existsSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigError, formatCount, type Life, type StopError } from '@singer-io-ts/core'
import { execa } from 'execa'
import { wholeLines } from '../singer-run/src/lines.ts'
import { createTally, readMetric } from '../singer-run/src/metrics.ts'
import type { Places } from './demo-places.ts'
import type { Environment } from './demo-source.ts'

const SINGER_RUN = fileURLToPath(new URL('../singer-run/bin/singer-run.js', import.meta.url))
const BUILT = fileURLToPath(new URL('../singer-run/dist/cli.js', import.meta.url))

export type PipelineResult = { code: number; rows: number; calls: number }

/** One run of `tap | target`. Its end table and all that is not mere information is printed. */
export async function runPipeline(
  places: Places,
  tapFlags: string,
  environment: Environment,
  life: Life,
  rowsRead?: () => number,
): Promise<PipelineResult> {
  if (!existsSync(BUILT))
    throw new ConfigError([`${BUILT} is missing: the programs are not built`], {
      hint: 'Run npm ci, or npm run build.',
    })
  life.signal.throwIfAborted()
  const from = (path: string): string => relative(places.base, path)
  const flags = [
    ...['--tap', `tap-quickbooks --config ${from(places.tapConfig)}${tapFlags}`],
    ...['--target', `target-postgres-raw --config ${from(places.targetConfig)}`],
    ...['--state', from(places.state), '--runs', from(places.runs)],
  ]
  const running = execa(process.execPath, [SINGER_RUN, ...flags], {
    cwd: places.base,
    env: environment,
    extendEnv: false,
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'pipe',
    buffer: false,
    reject: false,
    cleanup: false,
  })
  // singer-run heeds the first signal only, so one from the terminal as well does no harm.
  life.signal.addEventListener('abort', () =>
    running.kill((life.signal.reason as StopError).code === 130 ? 'SIGINT' : 'SIGTERM'),
  )
  const log = createWriteStream(places.log, { mode: 0o600 })
  const progress = createProgress(places.state, environment, rowsRead)
  const tally = createTally()
  for await (const line of wholeLines(running.stderr)) {
    log.write(`${line}\n`)
    const metric = readMetric(line)
    if (metric !== undefined) tally.add(line.startsWith('target: ') ? 'target' : 'tap', metric)
    if (!isInformation(line)) progress.print(line)
  }
  progress.end()
  const { exitCode } = await running
  log.end()
  const sum = (column: 'rows' | 'calls'): number =>
    [...tally.streams.values()].reduce((total, stream) => total + (stream[column] ?? 0), 0)
  return { code: exitCode ?? 1, rows: sum('rows'), calls: sum('calls') }
}

/** The end table has no level before it; warnings and errors are worth a line. */
export function isInformation(line: string): boolean {
  return /^((tap|target): )?(INFO|DEBUG) /.test(line) || line === '' || line.startsWith('{')
}

type Progress = { print(line: string): void; end(): void }

/** One line at the foot of a terminal that says what is stored; elsewhere nothing. */
function createProgress(
  state: string,
  environment: Environment,
  rowsRead?: () => number,
): Progress {
  const isShown = process.stdout.isTTY && !environment.CI && environment.TERM !== 'dumb'
  const erase = (): void => {
    if (isShown) process.stdout.write('\r\u001b[K')
  }
  const begin = performance.now()
  const draw = (): void => {
    const seconds = Math.round((performance.now() - begin) / 1000)
    const read = rowsRead === undefined ? [] : [`${formatCount(rowsRead())} rows read`]
    const text = `  ${[`${seconds} s`, ...read, ...storedRows(state)].join(' · ')}`
    process.stdout.write(`\r${text.slice(0, (process.stdout.columns ?? 80) - 1)}\u001b[K`)
  }
  const timer = isShown ? setInterval(draw, 200) : undefined
  return {
    print(line) {
      erase()
      process.stdout.write(`${line}\n`)
    },
    end() {
      clearInterval(timer)
      erase()
    },
  }
}

/** `stored: invoices 20,000, items 1,000`, as the state tells it; nothing before there is one. */
function storedRows(state: string): string[] {
  try {
    const { bookmarks } = JSON.parse(readFileSync(state, 'utf8'))
    const parts = Object.entries(bookmarks as Record<string, { rows?: number }>).map(
      ([stream, { rows }]) => `${stream} ${formatCount(rows)}`,
    )
    return parts.length === 0 ? [] : [`stored: ${parts.join(', ')}`]
  } catch {
    return []
  }
}
