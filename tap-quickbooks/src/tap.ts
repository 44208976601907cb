import { setFlagsFromString } from 'node:v8'
import {
  ConfigError,
  type Flags,
  flagValues,
  formatGiven,
  type Life,
  type Log,
  type LogFormat,
  type LogLevel,
  readCatalog,
  readSettings,
  type State,
} from '@singer-io-ts/core'
import { checkConnection } from './check.ts'
import { createClient } from './client.ts'
import { createClock } from './clock.ts'
import { type Config, checkSettings, toConfig } from './config.ts'
import { discover, listWishes } from './discover.ts'
import { createLimiter } from './limiter.ts'
import type { Run } from './plan.ts'
import { reportCalls } from './report.ts'
import { RUN_SETTINGS } from './settings.ts'
import { readStateFile, realmOf } from './statefile.ts'
import { sync } from './sync.ts'
import { createToken } from './token.ts'
import { readTokenFile, tokenFileFaults } from './tokenfile.ts'

/** Runs what the flags ask for; gives the exit code. */
export async function runTap(flags: Flags, life: Life): Promise<number> {
  return withCompany(flags, life, async (run, settings) => {
    if (flags.test) return checkConnection(run, life)
    life.log.info(`settings: ${formatGiven(RUN_SETTINGS, settings)}`)
    try {
      return await sync(run, life)
    } finally {
      // Also of a run that breaks off.
      const { meter } = run.client
      if (meter.total + meter.retries > 0) reportCalls(meter, life.log)
    }
  })
}

/** Reads settings, catalog and state as the flags say, and lets `task` talk to the company. */
export async function withCompany<T>(
  flags: Flags,
  life: Life,
  task: (run: Run, settings: Record<string, unknown>) => Promise<T>,
): Promise<T> {
  const { log, signal } = life
  const settings = await readSettings({
    schema: RUN_SETTINGS,
    sources: flagValues(flags.config),
    environment: life.environment,
    environmentPrefix: 'TAP_QUICKBOOKS',
    log,
    check: checkSettings,
  })
  log.configure({
    level: settings.log_level as LogLevel,
    format: settings.log_format as LogFormat,
  })
  const config = toConfig(settings, life.environment)
  // undici's parser of HTTP, compiled a second time, would take 35 MB and a tenth of a second.
  for (const flag of ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering']) setFlagsFromString(flag)
  const catalogFile = flagValues(flags.catalog ?? flags.properties).at(-1)
  const catalog = catalogFile === undefined ? discover() : readCatalog(catalogFile)
  for (const wish of listWishes(catalog)) log.warning(wish)
  const stateFile = flagValues(flags.state).at(-1)
  checkTokenFile(config, flagValues(flags.config), catalogFile, stateFile, log)
  const state = readStateOf(config, stateFile)

  const clock = createClock()
  const token = createToken(config, { clock, log, signal })
  const limiter = createLimiter(config.requestsPerMinute)
  const client = createClient(config, { token, limiter, clock, log, signal })
  try {
    return await task({ config, catalog, state, client }, settings)
  } finally {
    await client.close()
  }
}

/** Refuses a token_file that is some other file, before anything is written. */
function checkTokenFile(
  { tokenFile }: Config,
  configs: readonly string[],
  catalog: string | undefined,
  state: string | undefined,
  log: Log,
): void {
  const faults = tokenFileFaults(tokenFile, [
    ...configs.map((path) => ['--config', path] as const),
    ['--catalog', catalog],
    ['--state', state],
  ])
  if (faults.length > 0)
    throw new ConfigError(faults, { hint: 'Name a file that is not there yet.' })
  readTokenFile(tokenFile, log)
}

/** The state to go on from; the state of another company is refused. */
function readStateOf(config: Config, path: string | undefined): State {
  if (path === undefined) return {}
  const state = readStateFile(path)
  const realmId = realmOf(state)
  if (realmId !== undefined && realmId !== config.realmId)
    throw new ConfigError(
      [`--state ${path}: is of company ${realmId}, realm_id is ${config.realmId}`],
      { hint: 'Use a state file of its own for each company.' },
    )
  return state
}
