import type { AddressInfo } from 'node:net'
import { type Clock, createClock } from './clock.ts'
import { type Company, createCompany } from './company.ts'
import { rowLines } from './control.ts'
import { generateTables } from './generate.ts'
import { createJournal, type LogEntry, type Stats } from './journal.ts'
import { createLimiter } from './limits.ts'
import { readOptions, type SimulatorOptions, type Switches } from './options.ts'
import { readTime } from './pacific.ts'
import { readRecorded } from './recorded.ts'
import { createScript, type Script } from './script.ts'
import { createSimulatorServer, type Serving } from './server.ts'
import type { Table } from './table.ts'
import { createTokens, type Tokens } from './tokens.ts'

export type { Clock } from './clock.ts'
export type { Company, Insert } from './company.ts'
export type { LogEntry, Stats } from './journal.ts'
export type { Limits } from './limits.ts'
export type { SimulatorOptions, Switches } from './options.ts'
export type { Asked, Edit, Fault, Script, Step, Trigger } from './script.ts'
export type { Tokens } from './tokens.ts'

/** What a client needs to connect. */
export type SimulatorConfig = {
  client_id: string
  client_secret: string
  refresh_token: string
  realm_id: string
  base_url: string
  token_url: string
  authorize_url: string
  start_date: string
}

export type Simulator = {
  /** The root before `/v3/company/…`. */
  baseUrl: string
  tokenUrl: string
  /** With the refresh token that works at the time of asking. */
  readonly config: SimulatorConfig
  company: Company
  clock: Clock
  script: Script
  tokens: Tokens
  /** May be changed at any time. */
  switches: Switches
  stats(): Stats
  log(): LogEntry[]
  /** Empties the counts and the log. */
  reset(): void
  /** Live rows as served, by LastUpdatedTime; with `deleted` the deletion log. */
  rows(entity: string, deleted?: boolean): string[]
  /** Stops at once; connections that hang are cut. */
  close(): Promise<void>
}

function secondsOf(name: string, text: string): number {
  const utc = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text
  const time = readTime(utc)
  if (time === undefined) throw new TypeError(`${name} is not a date: ${text}`)
  return Math.floor(time / 1000)
}

function oldestDay(table: Table): number {
  const oldest = table.live === 0 ? 0 : (table.updated[table.order[0] as number] as number)
  return oldest - (oldest % 86_400)
}

/** Starts a local QuickBooks Online on 127.0.0.1. Rejects when the port is taken or data is bad. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const settings = readOptions(options)
  const { switches } = settings
  const clock = createClock(settings.clockOffsetMs)
  const from = secondsOf('from', settings.from)
  const to = Math.min(secondsOf('to', settings.to), Math.floor(clock.now() / 1000))
  if (to <= from) throw new TypeError('from must lie before to')
  const generated = generateTables({ ...settings, from, to })
  const recorded = settings.data === undefined ? [] : readRecorded(settings.data)
  // Recorded entities come last: they take the place of generated ones.
  const company = createCompany([...generated.tables, ...recorded], generated.setting, clock)
  const start = recorded.length > 0 ? Math.min(...recorded.map(oldestDay)) : from
  const tokens = createTokens(settings, clock)
  const script = createScript()
  const journal = createJournal(tokens.counts)
  let origin = ''
  const config = (): SimulatorConfig => ({
    client_id: settings.clientId,
    client_secret: settings.clientSecret,
    refresh_token: tokens.refreshToken(),
    realm_id: settings.realmId,
    base_url: origin,
    token_url: `${origin}/oauth2/v1/tokens/bearer`,
    authorize_url: `${origin}/connect/oauth2`,
    start_date: new Date(start * 1000).toISOString().replace('.000Z', 'Z'),
  })
  const serving: Serving = {
    company,
    script,
    journal,
    tokens,
    clock,
    switches,
    config,
    api: { company, switches, realmId: settings.realmId, from: start },
    limiter: createLimiter(switches.limits),
    underWay: 0,
  }
  const server = createSimulatorServer(serving)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(settings.port, '127.0.0.1', resolve)
  })
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    baseUrl: origin,
    tokenUrl: config().token_url,
    get config() {
      return config()
    },
    company,
    clock,
    script,
    tokens,
    switches,
    stats: () => journal.stats,
    log: () => journal.log(),
    reset: () => journal.reset(),
    rows: (entity, deleted = false) => [...rowLines(company, entity, deleted)],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
