import { isUtf8 } from 'node:buffer'
import type { Log } from '@singer-io-ts/core'
import { Agent, type Dispatcher, request } from 'undici'
import { type Answer, readAnswer } from './answer.ts'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import { CallLimitReached, QuickbooksError } from './errors.ts'
import { faultError, isThrottle, readFault } from './faults.ts'
import type { Limiter, Turn } from './limiter.ts'
import { isPoisoned } from './poison.ts'
import { retry } from './retry.ts'
import { withTimeout } from './timeout.ts'
import type { Token } from './token.ts'
import { unzip } from './unzip.ts'

export type Call = {
  /** The stream that the call is for, or several joined with a comma. */
  stream: string
  endpoint: 'query' | 'cdc' | 'companyinfo'
  /** Below `/v3/company/<realm>/`. */
  path: string
  parameters: Record<string, string>
  /** The member that a good answer has. */
  member: 'QueryResponse' | 'CDCResponse' | 'CompanyInfo'
  /** A refusal for which a single row may be the cause is what is looked for: asked once only. */
  isSearch?: boolean
}

/** Metered calls that were made for this stream alone. */
export function callsOf(meter: Meter, stream: string): number {
  const entries = [...meter.calls.values()].filter((entry) => entry.stream === stream)
  return entries.reduce((sum, { count }) => sum + count, 0)
}

/** Metered calls (2xx answers) by stream and end point, and tries that had to be repeated. */
export type Meter = {
  calls: Map<string, { stream: string; endpoint: string; count: number; retries: number }>
  total: number
  retries: number
  /** How long QuickBooks has asked all requests to wait. */
  pausedSeconds: number
}

export type Client = {
  get(call: Call): Promise<Answer>
  /** QuickBooks' clock without a metered call. Epoch seconds. */
  now(): Promise<number>
  /** The time in the last answer, and what has passed since. Epoch seconds. */
  seenNow(): number
  readonly meter: Meter
  close(): Promise<void>
}

/** Calls to one company: token, limits, retries and the count of metered calls. */
export function createClient(
  config: Config,
  parts: { token: Token; limiter: Limiter; clock: Clock; log: Log; signal: AbortSignal },
): Client {
  const { token, limiter, clock, log, signal } = parts
  const agent = new Agent({
    connections: config.concurrency,
    connect: { timeout: Math.min(30_000, config.timeoutMs) },
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  const { maxAttempts, backoffSeconds } = config
  const tries = { maxAttempts, backoffSeconds, signal, log }
  const meter: Meter = { calls: new Map(), total: 0, retries: 0, pausedSeconds: 0 }
  let inFlight = 0
  /** Who waits to see whether the call limit leaves room. */
  const waiting: (() => void)[] = []
  /** A token that was renewed after a 401, until an answer has come with it. */
  let unproven: string | undefined

  async function get(call: Call): Promise<Answer> {
    const url = new URL(`${config.baseUrl}/v3/company/${config.realmId}/${call.path}`)
    for (const [name, value] of Object.entries(call.parameters)) url.searchParams.set(name, value)
    // URLSearchParams writes a space as +, which QuickBooks' time zones have taught us to avoid.
    url.search = url.search.replaceAll('+', '%20')
    // The token end point has had its own tries.
    let tokenFailure: unknown
    const failToken = (thrown: unknown): never => {
      tokenFailure = thrown
      throw thrown
    }
    return retry(
      {
        ...tries,
        what: `${call.stream}: ${call.endpoint}`,
        isRetryable: (thrown) =>
          thrown !== tokenFailure && isTransient(thrown) && !(call.isSearch && isPoisoned(thrown)),
        onRetry: () => {
          meter.retries++
          entryOf(call).retries++
        },
      },
      async () => {
        const getToken = () => token.get().catch(failToken)
        await getToken()
        let { answer, accessToken } = await send(url, call, getToken)
        // Refused before it was ever good, a renewed token shows that renewing does not help.
        if (answer === 'refused' && accessToken !== unproven) {
          log.info(`${call.stream}: the access token has ended; it is refreshed`)
          unproven = await token.renew(accessToken).catch(failToken)
          ;({ answer, accessToken } = await send(url, call, getToken))
        }
        if (answer !== 'refused') {
          if (accessToken === unproven) unproven = undefined
          return answer
        }
        throw new QuickbooksError(
          'QuickBooks refuses a token that was refreshed just now (401)',
          { status: 401, refused: true },
          { hint: 'Is realm_id the company that was connected, in this environment?' },
        )
      },
    )
  }

  async function send(
    url: URL,
    call: Call,
    getToken: () => Promise<string>,
  ): Promise<{ answer: Answer | 'refused'; accessToken: string }> {
    // A request under way may turn out not to be metered.
    while (meter.total < config.callLimit && meter.total + inFlight >= config.callLimit)
      await new Promise<void>((resolve) => waiting.push(resolve))
    if (meter.total >= config.callLimit) throw new CallLimitReached()
    inFlight++
    try {
      const turn = await limiter.start(signal)
      // One that was good before the wait may have ended in it.
      const accessToken = await getToken()
      log.debug(`GET ${url.pathname}?${decodeURIComponent(url.search.slice(1))}`)
      const answer = await exchange(url, accessToken, call, turn)
      return { answer: answer.status === 401 ? 'refused' : judge(answer, call), accessToken }
    } finally {
      inFlight--
      for (const resolve of waiting.splice(0)) resolve()
    }
  }

  async function exchange(
    url: URL,
    accessToken: string,
    call: Call,
    turn: Turn,
  ): Promise<RawAnswer> {
    let status: number | undefined
    let intuitTid: string | undefined
    const ask = async (signal: AbortSignal): Promise<RawAnswer> => {
      turn.sent()
      const answer = await request(url, {
        dispatcher: agent,
        headers: {
          authorization: `Bearer ${accessToken}`,
          accept: 'application/json',
          'accept-encoding': 'gzip',
          'user-agent': config.userAgent,
        },
        signal,
      })
      turn.answered()
      status = answer.statusCode
      intuitTid = tidOf(answer)
      if (status >= 200 && status < 300) {
        // Paid for as soon as it comes, whether or not its body is whole.
        count(call)
        clock.see(answer.headers.date)
      }
      return { status, headers: answer.headers, body: await readBody(answer) }
    }
    try {
      return await withTimeout(signal, config.timeoutMs, ask)
    } catch (cause) {
      signal.throwIfAborted()
      const isLate = (cause as Error).name === 'TimeoutError'
      const what = isLate
        ? `${url.host} did not answer within ${config.timeoutSeconds} s`
        : status === undefined
          ? `${url.host} cannot be reached`
          : `the answer of ${url.host} broke off`
      const hint = 'If it stays so, check the network, base_url and environment.'
      throw new QuickbooksError(what, { status, intuitTid, retryable: true }, { cause, hint })
    }
  }

  function judge(answer: RawAnswer, call: Call): Answer {
    const { status, body } = answer
    const intuitTid = tidOf(answer)
    let parsed: Answer | undefined
    try {
      parsed = readAnswer(body)
    } catch (thrown) {
      if (!(thrown instanceof SyntaxError)) throw thrown
    }
    const fault = readFault(body, parsed?.json)
    const good = status === 200 && fault === undefined
    if (good && parsed !== undefined && hasShape(parsed.json, call.member)) return parsed
    if (status === 429 || isThrottle(fault)) {
      const seconds = retryAfter(answer) ?? 60 * config.backoffSeconds
      meter.pausedSeconds += limiter.pause(seconds)
      const message = `the request limit was reached (${status}), so that all requests wait`
      const fields = { status, intuitTid, retryable: true, pauseSeconds: seconds }
      throw new QuickbooksError(message, fields)
    }
    if (good)
      throw new QuickbooksError(
        parsed === undefined
          ? `an answer of ${body.length} bytes that is not whole JSON`
          : `an answer without ${call.member}`,
        { status, intuitTid, retryable: true },
      )
    throw faultError(status, fault, intuitTid)
  }

  function count(call: Call): void {
    entryOf(call).count++
    meter.total++
  }

  function entryOf({ stream, endpoint }: Call) {
    const key = `${stream} ${endpoint}`
    const entry = meter.calls.get(key) ?? { stream, endpoint, count: 0, retries: 0 }
    meter.calls.set(key, entry)
    return entry
  }

  return {
    get,
    meter,
    async now() {
      await token.get()
      if (clock.now() === undefined)
        await retry({ ...tries, what: 'asking for the time', isRetryable: isTransient }, () =>
          askTime(config, clock, signal),
        )
      const now = clock.now()
      if (now !== undefined) return now
      log.warning("QuickBooks' answers carry no Date; the local clock is used")
      return Date.now() / 1000
    },
    seenNow: () => clock.now() ?? Date.now() / 1000,
    close: () => agent.destroy(),
  }
}

type RawAnswer = { status: number; headers: Dispatcher.ResponseData['headers']; body: Buffer }

function tidOf({ headers }: Pick<RawAnswer, 'headers'>): string | undefined {
  return String(headers.intuit_tid ?? '') || undefined
}

async function readBody(answer: Dispatcher.ResponseData): Promise<Buffer> {
  const bytes = Buffer.from(await answer.body.arrayBuffer())
  const plain = answer.headers['content-encoding'] === 'gzip' ? await unzip(bytes) : bytes
  if (!isUtf8(plain)) throw new Error('the answer is not valid UTF-8')
  return plain
}

/** Any answer has a Date; the token end point is not metered, and nothing secret is sent. */
async function askTime(config: Config, clock: Clock, signal: AbortSignal): Promise<void> {
  try {
    await withTimeout(signal, config.timeoutMs, async (signal) => {
      const headers = { 'user-agent': config.userAgent }
      const answer = await request(config.tokenUrl, { method: 'HEAD', headers, signal })
      clock.see(answer.headers.date)
      await answer.body.dump()
    })
  } catch (cause) {
    signal.throwIfAborted()
    throw new QuickbooksError(
      'the token end point cannot be reached',
      { retryable: true },
      { cause },
    )
  }
}

function isTransient(thrown: unknown): boolean {
  return thrown instanceof QuickbooksError && thrown.retryable
}

/** Seconds, or a date that counts from the answer's own Date. */
function retryAfter(answer: RawAnswer): number | undefined {
  const value = answer.headers['retry-after']
  if (value === undefined) return undefined
  const text = String(value).trim()
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text)
  const from = Date.parse(String(answer.headers.date))
  const until = Date.parse(text)
  return Number.isNaN(until) || Number.isNaN(from) ? undefined : Math.max(0, (until - from) / 1000)
}

/** A list where an object belongs would look like an answer without rows. */
function hasShape(json: Record<string, unknown>, member: Call['member']): boolean {
  const value = json[member]
  if (member === 'CDCResponse') return Array.isArray(value)
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
