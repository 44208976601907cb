import { randomBytes } from 'node:crypto'
import type { CdcSwitches } from './cdc.ts'
import type { Limits } from './limits.ts'
import type { QuerySwitches } from './query.ts'
import { checkSwitches, pickSwitches } from './switches.ts'

/** Behaviour that can be changed while the simulator runs. */
export type Switches = QuerySwitches &
  CdcSwitches & {
    /** When a refresh gives a new refresh token: each time, after a day of its age, or never. */
    rotation: 'always' | 'daily' | 'never'
    /** How long the previous refresh token still works. */
    graceSeconds: number
    /** Life of an access token; 0 seconds makes every one dead on arrival. */
    accessTokenSeconds: number
    /** Data requests that an access token is good for; 0 means any number. */
    accessTokenRequests: number
    /** Days without use after which a refresh token dies are told by this number of seconds. */
    refreshTokenSeconds: number
    /** Seconds from the consent to the end of the connection; told when the request asks for it. */
    refreshTokenHardSeconds: number
    /** What the user answers on the consent page. */
    consent: 'given' | 'denied'
    /** changedSince over 30 days ago: the rows that there are, or a fault. */
    cdcOld: 'rows' | 'fault'
    /** What `totalCount` counts: the page (as recorded) or all matching rows. */
    totalCount: 'page' | 'all'
    /** A realm that the token is not for. */
    wrongRealm: 'unauthorized' | 'forbidden' | 'no-destination'
    /** Added to every answer of the company's API. */
    latencyMs: number
    limits: Limits
  }

export type SimulatorOptions = Partial<Omit<Switches, 'limits'>> & {
  /** Numbers and bodies of the request limits; false switches them off. */
  limits?: Partial<Limits> | false
  /** Same seed and sizes, same company. */
  seed?: number
  invoices?: number
  customers?: number
  items?: number
  /** The company's history, [from, to): ISO dates or date-times. `to` never lies after the clock. */
  from?: string
  to?: string
  /** Rows that share one second in each of `bursts` bursts. */
  burst?: number
  bursts?: number
  multicurrency?: boolean
  /** A folder of recorded JSON; its entities take the place of generated ones. */
  data?: string
  /** 0 takes any free port. */
  port?: number
  realmId?: string
  clientId?: string
  clientSecret?: string
  /** The connection's first refresh token; random by default. */
  refreshToken?: string
  /** Milliseconds between the machine's clock and the simulator's. */
  clockOffsetMs?: number
}

export type Settings = Required<Omit<SimulatorOptions, keyof Switches | 'data' | 'limits'>> & {
  data: string | undefined
  switches: Switches
}

const noLimits: Limits = { perSecond: 0, perMinute: 0, concurrent: 0, body: 'xml', retryAfter: '' }
const usualLimits: Limits = { ...noLimits, perSecond: 10, perMinute: 500 }

/** Fills in the defaults; see the README for what QuickBooks was seen to do. */
export function readOptions(options: SimulatorOptions): Settings {
  const { data, limits } = options
  checkSwitches({ ...pickSwitches(options), limits: limits || undefined })
  const size = (given: number | undefined, usual: number) =>
    given ?? (data === undefined ? usual : 0)
  return {
    seed: options.seed ?? 1,
    invoices: size(options.invoices, 300),
    customers: size(options.customers, 80),
    items: size(options.items, 40),
    from: options.from ?? '2016-01-01T00:00:00Z',
    to: options.to ?? '2026-01-01T00:00:00Z',
    burst: options.burst ?? 300,
    bursts: options.bursts ?? 2,
    multicurrency: options.multicurrency ?? true,
    data,
    port: options.port ?? 0,
    // Above 2^53 on purpose: who keeps it as a number loses its last digit.
    realmId: options.realmId ?? '9341457021722203',
    clientId: options.clientId ?? 'ABsimulatorClientId0000000000000000000000000000001',
    clientSecret: options.clientSecret ?? `secret-${randomBytes(15).toString('hex')}`,
    refreshToken: options.refreshToken ?? `RT1-39-H3-${randomBytes(24).toString('base64url')}`,
    clockOffsetMs: options.clockOffsetMs ?? 0,
    switches: {
      rotation: options.rotation ?? 'always',
      graceSeconds: options.graceSeconds ?? 0,
      accessTokenSeconds: options.accessTokenSeconds ?? 3600,
      accessTokenRequests: options.accessTokenRequests ?? 0,
      refreshTokenSeconds: options.refreshTokenSeconds ?? 8_726_400,
      refreshTokenHardSeconds: options.refreshTokenHardSeconds ?? 156_032_154,
      consent: options.consent ?? 'given',
      startPositionZero: options.startPositionZero ?? 'fault',
      idOrder: options.idOrder ?? 'numeric',
      cdcCap: options.cdcCap ?? 1000,
      cdcCapPer: options.cdcCapPer ?? 'total',
      cdcDeletedDays: options.cdcDeletedDays ?? 30,
      cdcOld: options.cdcOld ?? 'rows',
      totalCount: options.totalCount ?? 'page',
      wrongRealm: options.wrongRealm ?? 'unauthorized',
      latencyMs: options.latencyMs ?? 0,
      limits: limits === false ? { ...noLimits } : { ...usualLimits, ...limits },
    },
  }
}
