// The page about the runs and about what is loaded, as anybody can have it.
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import type { Places } from './demo-places.ts'
import type { Environment } from './demo-source.ts'

const SINGER_RUN = fileURLToPath(new URL('../singer-run/bin/singer-run.js', import.meta.url))
const TARGET = fileURLToPath(
  new URL('../target-postgres-raw/bin/target-postgres-raw.js', import.meta.url),
)

/**
 * Counts the rows in the tables and makes the page; false where that does not work. `goOn` is the
 * command that brings QuickBooks and Postgres back, too.
 */
export async function makePage(places: Places, env: Environment, goOn: string): Promise<boolean> {
  const from = (path: string): string => relative(places.base, path)
  const options = { cwd: places.base, env, extendEnv: false, reject: false, cleanup: false }
  const count = [TARGET, 'count', '--config', from(places.targetConfig)]
  const report = [
    ...[SINGER_RUN, 'report', '--state', from(places.state), '--runs', from(places.runs)],
    ...['--counts', '-', '--out', from(places.report), '--next', goOn],
  ]
  const counts = await execa(process.execPath, count, options)
  if (counts.exitCode !== 0) return false
  const made = await execa(process.execPath, report, { ...options, input: counts.stdout })
  return made.exitCode === 0
}
