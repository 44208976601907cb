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
