import { homedir } from 'node:os'
import { join } from 'node:path'
import { LOG_SETTINGS, type SettingsSchema } from '@singer-io-ts/core'
import { parseInstant } from './instant.ts'

/** The only description of the tap's settings. Times are in seconds unless the name says days. */
export const SETTINGS: SettingsSchema = {
  type: 'object',
  required: ['client_id', 'client_secret', 'refresh_token', 'realm_id', 'start_date'],
  properties: {
    client_id: {
      type: 'string',
      minLength: 1,
      secret: true,
      title: 'Client ID',
      description: 'Client ID of the Intuit app.',
    },
    client_secret: {
      type: 'string',
      minLength: 1,
      secret: true,
      title: 'Client secret',
      description: 'Client secret of the Intuit app.',
    },
    refresh_token: {
      type: 'string',
      minLength: 1,
      secret: true,
      title: 'Refresh token',
      description: 'Refresh token of the connection; its successors are kept in `token_file`.',
    },
    realm_id: {
      type: 'string',
      pattern: '^[0-9]{1,20}$',
      form: 'a text of digits, in quotes',
      title: 'Company ID',
      description: 'The company (realm) to read: a text of digits.',
    },
    environment: {
      type: 'string',
      enum: ['production', 'sandbox'],
      default: 'production',
      title: 'Environment',
      description: "Which of Intuit's hosts holds the company.",
    },
    base_url: {
      type: 'string',
      title: 'API root',
      description:
        'Instead of the host of `environment`: the URL before `/v3/company/…`. https, or http on loopback.',
    },
    token_url: {
      type: 'string',
      title: 'Token end point',
      description: "Instead of Intuit's token end point. https, or http on loopback.",
    },
    start_date: {
      type: 'string',
      title: 'Start',
      description: 'Read what changed from here on (inclusive): a date or date-time, UTC.',
    },
    end_date: {
      type: 'string',
      title: 'End',
      description:
        'Read up to here (exclusive): a date or date-time, UTC. Without it, or when it is later: now less `settle_seconds`.',
    },
    chunk_days: {
      type: 'number',
      exclusiveMinimum: 0,
      default: 30,
      title: 'Window length',
      description: 'Days of a window; a completed window moves the bookmark.',
    },
    page_size: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 1000,
      title: 'Page size',
      description: 'Rows asked for in a request (MAXRESULTS).',
    },
    concurrency: {
      type: 'integer',
      minimum: 1,
      maximum: 10,
      default: 4,
      title: 'Concurrency',
      description: 'Requests in flight.',
    },
    requests_per_minute: {
      type: 'integer',
      minimum: 1,
      maximum: 500,
      default: 450,
      title: 'Requests a minute',
      description: 'The most requests started within a minute; besides, 10 within a second.',
    },
    max_attempts: {
      type: 'integer',
      minimum: 1,
      default: 5,
      title: 'Attempts',
      description: 'Tries of one request, the first included.',
    },
    backoff_seconds: {
      type: 'number',
      minimum: 0,
      default: 1,
      title: 'Back-off',
      description:
        'Before try n+1: this times 2^n, plus jitter up to this. A 429 pauses all requests 60 times this.',
    },
    timeout_seconds: {
      type: 'number',
      exclusiveMinimum: 0,
      default: 120,
      title: 'Timeout',
      description: 'The longest that one request may take, in seconds.',
    },
    settle_seconds: {
      type: 'number',
      minimum: 0,
      default: 30,
      title: 'Settle time',
      description: "How far the upper bound stays behind now (QuickBooks' clock), in seconds.",
    },
    lookback_seconds: {
      type: 'number',
      minimum: 0,
      default: 0,
      title: 'Look-back',
      description: 'Read again this far before the bookmark, for rows that become visible late.',
    },
    call_limit: {
      type: 'integer',
      minimum: 1,
      title: 'Call limit',
      description: 'End with exit 8 and a good STATE before the run makes more metered calls.',
    },
    token_file: {
      type: 'string',
      minLength: 1,
      title: 'Token file',
      description:
        'Where the rotated tokens are kept (0600). Default: `$XDG_STATE_HOME/tap-quickbooks/<realm_id>.json`, or under `~/.local/state`.',
    },
    deletes: {
      type: 'boolean',
      default: true,
      title: 'Deletes',
      description: 'Ask change data capture for deleted objects (not on a first run).',
    },
    on_delete_gap: {
      type: 'string',
      enum: ['warn', 'reload'],
      default: 'warn',
      title: 'On a gap in deletes',
      description:
        'When deletions can no longer be known: say so, or read the stream again in full under a new version.',
    },
    user_agent: {
      type: 'string',
      pattern: '^[\\x20-\\x7e]+$',
      form: 'printable ASCII text',
      default: 'tap-quickbooks',
      title: 'User agent',
      description: 'The User-Agent header of every request.',
    },
    ...LOG_SETTINGS,
  },
}

/** The settings after validation, in the tap's own terms. Instants are epoch seconds, UTC. */
export type Config = {
  clientId: string
  clientSecret: string
  refreshToken: string
  realmId: string
  /** Without a slash at its end. */
  baseUrl: string
  tokenUrl: string
  startDate: number
  endDate: number | undefined
  chunkDays: number
  pageSize: number
  concurrency: number
  requestsPerMinute: number
  maxAttempts: number
  backoffSeconds: number
  timeoutSeconds: number
  settleSeconds: number
  lookbackSeconds: number
  callLimit: number
  tokenFile: string
  deletes: boolean
  onDeleteGap: 'warn' | 'reload'
  userAgent: string
}

const HOSTS: Record<string, string> = {
  production: 'https://quickbooks.api.intuit.com',
  sandbox: 'https://sandbox-quickbooks.api.intuit.com',
}
const TOKEN_URL = 'https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer'

/** Faults that JSON Schema cannot see: dates that are none or cross, unsafe URLs. */
export function checkSettings(settings: Record<string, unknown>): string[] {
  const faults: string[] = []
  for (const name of ['base_url', 'token_url']) {
    const url = settings[name]
    if (typeof url === 'string' && !isSafeUrl(url))
      faults.push(
        `${name}: must be a https URL without user, password, query and fragment, or http on ` +
          `loopback, found ${JSON.stringify(withoutSecrets(url))}`,
      )
  }
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
  const stateHome = environment.XDG_STATE_HOME || join(homedir(), '.local', 'state')
  return {
    clientId: text('client_id'),
    clientSecret: text('client_secret'),
    refreshToken: text('refresh_token'),
    realmId,
    baseUrl: String(settings.base_url ?? HOSTS[text('environment')]).replace(/\/+$/, ''),
    tokenUrl: String(settings.token_url ?? TOKEN_URL),
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
    settleSeconds: number('settle_seconds'),
    lookbackSeconds: number('lookback_seconds'),
    callLimit: settings.call_limit === undefined ? Number.POSITIVE_INFINITY : number('call_limit'),
    tokenFile: String(settings.token_file ?? join(stateHome, 'tap-quickbooks', `${realmId}.json`)),
    deletes: settings.deletes === true,
    onDeleteGap: settings.on_delete_gap === 'reload' ? 'reload' : 'warn',
    userAgent: text('user_agent'),
  }
}

/** Where a URL may hold credentials, the user is told so without them. */
function withoutSecrets(url: string): string {
  return url.replace(/\/\/[^/]*@/, '//***@').replace(/[?#].*$/s, (more) => `${more[0]}***`)
}

function isSafeUrl(text: string): boolean {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return false
  }
  // Credentials in a URL would end up in logs and in the records' origin.
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    return false
  if (url.protocol === 'https:') return true
  const loopback =
    /^127(\.\d{1,3}){3}$/.test(url.hostname) || ['localhost', '[::1]'].includes(url.hostname)
  return url.protocol === 'http:' && loopback
}
