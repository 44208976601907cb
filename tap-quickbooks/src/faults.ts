import { QuickbooksError } from './errors.ts'

/** What QuickBooks says went wrong, from whichever of its envelopes. */
export type Fault = { code: string | undefined; type: string | undefined; message: string }

type FaultError = { Message?: unknown; Detail?: unknown; code?: unknown } & {
  message?: unknown
  detail?: unknown
}

/**
 * The fault in an answer: the accounting engine's `Fault`, the gateway's lower-case `fault`, XML,
 * or HTML of a load balancer. Undefined for an answer without one. `json` is the parsed body, or
 * undefined when it is no JSON.
 */
export function readFault(body: Buffer, json: unknown): Fault | undefined {
  if (typeof json === 'object' && json !== null) {
    const envelope = json as { Fault?: unknown; fault?: unknown }
    const fault = (envelope.Fault ?? envelope.fault) as
      | { Error?: FaultError[]; error?: FaultError[]; type?: unknown }
      | null
      | undefined
    if (fault === null || fault === undefined) return undefined
    const first = (fault.Error ?? fault.error)?.[0]
    return {
      code: first?.code === undefined ? undefined : String(first.code),
      type: typeof fault.type === 'string' ? fault.type : undefined,
      message: sentence(first?.Message ?? first?.message, first?.Detail ?? first?.detail),
    }
  }
  const page = body.toString('utf8', 0, 20_000)
  if (!page.trimStart().startsWith('<')) return undefined
  const tag = (name: string): string | undefined =>
    new RegExp(`<${name}[^>]*>([^<]*)</${name}>`, 'i').exec(page)?.[1]?.trim()
  return {
    code: /<Error[^>]*\scode="(\w+)"/.exec(page)?.[1],
    type: /<Fault[^>]*\stype="(\w+)"/.exec(page)?.[1],
    message: sentence(tag('Message'), tag('Detail') ?? tag('title')),
  }
}

function sentence(message: unknown, detail: unknown): string {
  const parts = [message, detail].filter((part) => typeof part === 'string' && part !== '')
  const text = [...new Set(parts)].join(': ').replace(/\s+/g, ' ')
  return text === '' ? 'no message' : text.slice(0, 400)
}

/** Too many requests, in whatever words. */
export function isThrottle(fault: Fault | undefined): boolean {
  return fault?.code === '3001' || /ThrottleExceeded/.test(fault?.message ?? '')
}

/** What is thrown for an answer that is no good one, and whether asking again may help. */
export function faultError(
  status: number,
  fault: Fault | undefined,
  intuitTid: string | undefined,
): QuickbooksError {
  const code = fault?.code === undefined ? '' : ` code ${fault.code}`
  const message = `QuickBooks answers ${status}${code}: ${fault?.message ?? 'no fault described'}`
  const refused = status === 401 || status === 403
  const system = fault?.type === 'SystemFault' || fault?.code === '10000'
  // A page of some machine in between, where an answer of QuickBooks should be.
  const stray = status < 300 && fault?.type === undefined && fault?.code === undefined
  const fields = {
    status,
    faultCode: fault?.code,
    intuitTid,
    refused,
    retryable: !refused && (status >= 500 || system || stray),
  }
  return new QuickbooksError(message, fields, { hint: hintFor(status, fault) })
}

function hintFor(status: number, fault: Fault | undefined): string | undefined {
  if (status === 403 || fault?.code === '3100')
    return 'Check that environment (production or sandbox) fits the keys, and that the app is still connected.'
  if (fault?.code === '6190' || fault?.code === '7001' || /007001/.test(fault?.message ?? ''))
    return 'Check realm_id, environment and the subscription of the company.'
  if (status === 504) return 'If it stays so, a smaller page_size may come in time.'
  if (status >= 300 && status < 400)
    return 'Redirects are not followed, so that the token never leaves its host: check base_url.'
  return undefined
}
