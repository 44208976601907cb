import { homedir, userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { ConfigError } from '@singer-io-ts/core'
import { parseInstant } from './instant.ts'
import { isSafeUrl, urlFault } from './url.ts'

/** The settings after validation, in the tap's own terms. Instants are epoch seconds, UTC. */
export type Config = {
  clientId: string
  clientSecret: string
  /** Empty only where `tokenCommand` stands for it. */
  refreshToken: string
  realmId: string
  /** Without a slash at its end. */
  baseUrl: string
  tokenUrl: string
  authorizeUrl: string
  startDate: number
  endDate: number | undefined
  chunkDays: number
  pageSize: number
  concurrency: number
  requestsPerMinute: number
  maxAttempts: number
  backoffSeconds: number
  timeoutSeconds: number
  /** The same in whole milliseconds, as timers want it. */
  timeoutMs: number
  settleSeconds: number
  lookbackSeconds: number
  callLimit: number
  tokenFile: string
  /** Nobody named it: its name is that of the company. */
  isDefaultTokenFile: boolean
  tokenCommand: string | undefined
  deletes: boolean
  onDeleteGap: 'warn' | 'reload'
  userAgent: string
}

const HOSTS: Record<string, string> = {
  production: 'https://quickbooks.api.intuit.com',
  sandbox: 'https://sandbox-quickbooks.api.intuit.com',
}
const TOKEN_URL = 'https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer'
const AUTHORIZE_URL = 'https://appcenter.intuit.com/connect/oauth2'

/** Faults that JSON Schema cannot see. */
export function checkSettings(settings: Record<string, unknown>): string[] {
  const hasToken = settings.refresh_token !== undefined || settings.token_command !== undefined
  return [
    ...(hasToken ? [] : ['refresh_token: is required, found nothing (nor token_command)']),
    ...checkForms(settings),
  ]
}

/** Dates that are none or cross, unsafe URLs. */
export function checkForms(settings: Record<string, unknown>): string[] {
  const faults: string[] = []
  for (const name of ['base_url', 'token_url', 'authorize_url']) {
    const url = settings[name]
    if (typeof url === 'string' && !isSafeUrl(url)) faults.push(urlFault(name, url))
  }
  const root = settings.base_url
  if (typeof root === 'string' && isSafeUrl(root) && /\/v3(\/|$)/.test(new URL(root).pathname))
    faults.push(
      `base_url: must end before /v3/company/…, which is added to it, found ${JSON.stringify(root)}`,
    )
  const instants = ['start_date', 'end_date'].map((name) => {
    const value = settings[name]
    if (typeof value !== 'string') return undefined
    const instant = parseInstant(value)
    if (instant === undefined)
      faults.push(
        `${name}: must be a date or date-time such as 2024-01-31 or 2024-01-31T00:00:00Z, ` +
          `found ${JSON.stringify(value)}`,
      )
    return instant
  })
  const [start, end] = instants
  if (start !== undefined && end !== undefined && end <= start)
    faults.push(
      `end_date: must be later than start_date (${settings.start_date}), ` +
        `found ${JSON.stringify(settings.end_date)}`,
    )
  return faults
}

/** Turns validated settings into the tap's own terms. */
export function toConfig(
  settings: Record<string, unknown>,
  environment: Record<string, string | undefined>,
): Config {
  const text = (name: string): string => String(settings[name])
  const number = (name: string): number => Number(settings[name])
  const realmId = text('realm_id')
  return {
    clientId: text('client_id'),
    clientSecret: text('client_secret'),
    refreshToken: String(settings.refresh_token ?? ''),
    realmId,
    baseUrl: String(settings.base_url ?? HOSTS[text('environment')]).replace(/\/+$/, ''),
    tokenUrl: String(settings.token_url ?? TOKEN_URL),
    authorizeUrl: String(settings.authorize_url ?? AUTHORIZE_URL),
    startDate: Math.floor(parseInstant(text('start_date')) ?? 0),
    endDate:
      settings.end_date === undefined ? undefined : Math.ceil(parseInstant(text('end_date')) ?? 0),
    chunkDays: number('chunk_days'),
    pageSize: number('page_size'),
    concurrency: number('concurrency'),
    requestsPerMinute: number('requests_per_minute'),
    maxAttempts: number('max_attempts'),
    backoffSeconds: number('backoff_seconds'),
    timeoutSeconds: number('timeout_seconds'),
    timeoutMs: Math.ceil(number('timeout_seconds') * 1000),
    settleSeconds: number('settle_seconds'),
    lookbackSeconds: number('lookback_seconds'),
    callLimit: settings.call_limit === undefined ? Number.POSITIVE_INFINITY : number('call_limit'),
    tokenFile:
      settings.token_file === undefined
        ? defaultTokenFile(realmId, environment)
        : expandHome(text('token_file')),
    isDefaultTokenFile: settings.token_file === undefined,
    tokenCommand: settings.token_command === undefined ? undefined : text('token_command'),
    deletes: settings.deletes === true,
    onDeleteGap: settings.on_delete_gap === 'reload' ? 'reload' : 'warn',
    userAgent: text('user_agent'),
  }
}

/** As the XDG specification has it: what is not absolute does not count. */
function defaultTokenFile(
  realmId: string,
  { XDG_STATE_HOME = '' }: Record<string, string | undefined>,
): string {
  const stateHome = isAbsolute(XDG_STATE_HOME) ? XDG_STATE_HOME : join(home(), '.local', 'state')
  return join(stateHome, 'tap-quickbooks', `${realmId}.json`)
}

/** No shell has seen the path. */
function expandHome(path: string): string {
  if (!path.startsWith('~')) return path
  if (/^~[/\\]./.test(path)) return join(home(), path.slice(2))
  throw new ConfigError([
    `token_file: only ~/ stands for a home directory, found ${JSON.stringify(path)}`,
  ])
}

/** Where a user has no home (in a container), `token_file` must say where. */
function home(): string {
  for (const find of [homedir, () => userInfo().homedir])
    try {
      const directory = find()
      if (isAbsolute(directory)) return directory
    } catch {
      // This one does not know.
    }
  throw new ConfigError([
    'token_file: a whole path is required where there is no home directory ($HOME)',
  ])
}
