import type { Limits } from './limits.ts'
import type { Switches } from './options.ts'

/** One of these words; a number from 0 on; any text. */
type Allowed = readonly string[] | 'number' | 'text'

const allowedSwitches: Record<Exclude<keyof Switches, 'limits'>, Allowed> = {
  rotation: ['always', 'daily', 'never'],
  graceSeconds: 'number',
  accessTokenSeconds: 'number',
  accessTokenRequests: 'number',
  refreshTokenSeconds: 'number',
  refreshTokenHardSeconds: 'number',
  consent: ['given', 'denied'],
  startPositionZero: ['fault', 'accept'],
  idOrder: ['numeric', 'fault', 'ignored'],
  cdcCap: 'number',
  cdcCapPer: ['total', 'entity'],
  cdcDeletedDays: 'number',
  cdcOld: ['rows', 'fault'],
  totalCount: ['page', 'all'],
  wrongRealm: ['unauthorized', 'forbidden', 'no-destination'],
  latencyMs: 'number',
}

const allowedLimits: Record<keyof Limits, Allowed> = {
  perSecond: 'number',
  perMinute: 'number',
  concurrent: 'number',
  body: ['xml', 'json-fault', 'gateway-fault'],
  retryAfter: 'text',
}

/** Throws RangeError for a switch that there is not, or a value that it does not take. */
export function checkSwitches({ limits, ...switches }: { [name: string]: unknown }): void {
  check(switches, allowedSwitches, '')
  if (limits === undefined) return
  if (typeof limits !== 'object' || limits === null)
    throw new RangeError(`limits must be an object, found ${JSON.stringify(limits)}`)
  check({ ...limits }, allowedLimits, 'limits.')
}

/** The switches among other options. */
export function pickSwitches(options: { [name: string]: unknown }): { [name: string]: unknown } {
  const names = Object.keys(options).filter((name) => Object.hasOwn(allowedSwitches, name))
  const given = names.filter((name) => options[name] !== undefined)
  return Object.fromEntries(given.map((name) => [name, options[name]]))
}

function check(
  given: { [name: string]: unknown },
  allowed: { [name: string]: Allowed },
  before: string,
): void {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(allowed, name))
      throw new RangeError(
        `there is no switch ${before}${name}; there are ${Object.keys(allowed).join(', ')}`,
      )
    const wanted = allowed[name] as Allowed
    const isGood =
      wanted === 'number'
        ? typeof value === 'number' && value >= 0
        : typeof value === 'string' && (wanted === 'text' || wanted.includes(value))
    if (isGood) continue
    const what =
      wanted === 'number'
        ? 'a number from 0 on'
        : wanted === 'text'
          ? 'a text'
          : `one of ${wanted.join(', ')}`
    throw new RangeError(`${before}${name} must be ${what}, found ${JSON.stringify(value)}`)
  }
}
