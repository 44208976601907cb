import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type Answer, sendAnswer, traceId } from './answer.ts'
import { type ApiContext, answerCall, type Call, readCall } from './api.ts'
import { answerControl, applyTrigger, type Control } from './control.ts'
import { htmlFault } from './faults.ts'
import type { LogEntry } from './journal.ts'
import type { Limiter } from './limits.ts'
import { scripted, throttled, unauthorized, wrongRealm } from './refusal.ts'
import type { Asked, Fault } from './script.ts'

export type Serving = Control & { api: ApiContext; limiter: Limiter; underWay: number }

const tokenPath = '/oauth2/v1/tokens/bearer'
const revokePath = '/v2/oauth2/tokens/revoke'

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts).toString()
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}

function effects(fault: Fault | undefined): string {
  if (!fault) return ''
  return Object.entries(fault)
    .filter(([key]) => !['times', 'after', 'endpoint', 'entity', 'text', 'base64'].includes(key))
    .map(([key, value]) => (value === true ? key : `${key}=${JSON.stringify(value)}`))
    .join(' ')
}

function tokenAnswer(serving: Serving, request: IncomingMessage, url: URL, body: string): Answer {
  const headers = {
    'Cache-Control': 'no-cache, no-store',
    Pragma: 'no-cache',
    Server: 'nginx',
    Allow: 'POST',
  }
  const contentType = 'application/json;charset=UTF-8'
  if (request.method !== 'POST') return { status: 405, ...htmlFault(405), headers }
  if (url.pathname === revokePath) {
    serving.tokens.revoke()
    return { status: 200, contentType, text: '', headers }
  }
  const wantsHardExpiry = request.headers['x-include-refresh-token-hard-expires-in'] === 'true'
  const form = new URLSearchParams(body)
  const answer = serving.tokens.exchange(request.headers.authorization, form, wantsHardExpiry)
  return { status: answer.status, contentType, text: JSON.stringify(answer.body), headers }
}

async function tokenOutcome(
  serving: Serving,
  request: IncomingMessage,
  url: URL,
  body: string,
): Promise<Outcome> {
  const { clock, script } = serving
  const asked = { endpoint: 'token', entities: [] }
  const fault = request.method === 'POST' ? script.faultFor(asked) : undefined
  if (fault?.delayMs !== undefined) await pause(fault.delayMs)
  const silent = fault?.hang === true || fault?.drop === true
  let answer: Answer
  if (fault?.status === 400 && fault.body === undefined)
    answer = { ...scripted(clock.now(), fault), text: '{"error":"invalid_grant"}' }
  else if (fault?.status !== undefined || (silent && !fault?.carriedOut))
    answer = scripted(clock.now(), fault ?? {})
  else answer = tokenAnswer(serving, request, url, body)
  return { answer, rows: 0, fault }
}

const scope = 'com.intuit.quickbooks.accounting'

// The consent page, without a person: it sends the browser straight back with a code.
function consent(serving: Serving, url: URL): Answer {
  const asked = (name: string): string => url.searchParams.get(name) ?? ''
  const redirectUri = asked('redirect_uri')
  const wrong = [
    asked('client_id') !== serving.config().client_id && 'client_id',
    asked('response_type') !== 'code' && 'response_type',
    !asked('scope').split(' ').includes(scope) && 'scope',
    asked('state') === '' && 'state',
    !URL.canParse(redirectUri) && 'redirect_uri',
  ].filter((name) => name !== false)
  // QuickBooks shows the user a page, and sends nobody anywhere.
  if (wrong.length > 0)
    return { status: 400, contentType: 'text/plain', text: `${wrong.join(', ')}?` }
  const target = new URL(redirectUri)
  if (serving.switches.consent === 'denied') target.searchParams.set('error', 'access_denied')
  else target.searchParams.set('code', serving.tokens.mintCode(redirectUri))
  target.searchParams.set('state', asked('state'))
  if (serving.switches.consent === 'given') target.searchParams.set('realmId', serving.api.realmId)
  return { status: 302, contentType: '', text: '', headers: { Location: target.href } }
}

type Outcome = { answer: Answer; rows: number; fault: Fault | undefined }

function judge(serving: Serving, request: IncomingMessage, call: Call, now: number) {
  const { switches, tokens, api, journal } = serving
  const verdict = tokens.judge(request.headers.authorization)
  if (verdict !== 'good') return unauthorized(now, verdict)
  if (call.realmId !== api.realmId) return wrongRealm(now, switches.wrongRealm)
  if (serving.limiter.admit(serving.underWay)) return undefined
  journal.stats.throttled++
  return throttled(now, switches.limits)
}

function isTooHeavy({ statement }: Call, fault: Fault | undefined): boolean {
  const asked = Number(/\bMAXRESULTS\s+(\d+)/i.exec(statement)?.[1] ?? 100)
  const isRows = statement !== '' && !/\bcount\s*\(/i.test(statement)
  return isRows && asked > (fault?.tooHeavyAbove ?? Number.POSITIVE_INFINITY)
}

async function dataOutcome(
  serving: Serving,
  request: IncomingMessage,
  call: Call,
): Promise<Outcome> {
  const refused = judge(serving, request, call, serving.clock.now())
  if (refused) return { answer: refused, rows: 0, fault: undefined }
  const fault = serving.script.faultFor(call)
  const wait = serving.switches.latencyMs + (fault?.delayMs ?? 0)
  if (wait > 0) await pause(wait)
  const now = serving.clock.now()
  const isScripted = fault?.status !== undefined || isTooHeavy(call, fault)
  const instead = isScripted ? scripted(now, { status: 504, ...fault }) : undefined
  const result = instead ? { ...instead, rows: 0 } : answerCall(serving.api, call, now, fault)
  const headers = {
    Server: 'nginx',
    Connection: 'keep-alive',
    'Strict-Transport-Security': 'max-age=15552000',
    'Qbo-Version': '1988.128',
    'Service-Time': 'total=85, db=54',
    Expires: '0',
    'Cache-Control': 'max-age=0, no-cache, no-store, must-revalidate, private',
    ...instead?.headers,
  }
  return { answer: { ...result, headers }, rows: result.rows, fault }
}

async function answerRequest(
  serving: Serving,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const started = performance.now()
  const url = new URL(request.url ?? '/', 'http://127.0.0.1')
  const body = await readBody(request)
  if (url.pathname.startsWith('/_simulator')) {
    await answerControl(serving, request, response, url, body)
    return
  }
  const { clock, script, journal } = serving
  const method = request.method ?? 'GET'
  const call = readCall(method, url, String(request.headers['content-type'] ?? ''), body)
  const isToken = url.pathname === tokenPath || url.pathname === revokePath
  const asked: Asked = call ?? { endpoint: isToken ? 'token' : 'other', entities: [] }

  let outcome: Outcome
  if (call) outcome = await dataOutcome(serving, request, call)
  else if (isToken) outcome = await tokenOutcome(serving, request, url, body)
  else {
    const answer =
      url.pathname === '/connect/oauth2'
        ? consent(serving, url)
        : { status: 404, ...htmlFault(404) }
    outcome = { answer, rows: 0, fault: undefined }
  }

  const { answer, fault, rows } = outcome
  const now = clock.now()
  const silent = fault?.hang === true || fault?.drop === true
  const entry: Omit<LogEntry, 'n'> = {
    at: new Date(now).toISOString(),
    method,
    path: url.pathname,
    query: call?.endpoint === 'query' ? call.statement : isToken ? '' : url.search.slice(1),
    endpoint: asked.endpoint,
    entity: asked.entities.join(','),
    status: silent ? 0 : answer.status,
    rows: silent ? 0 : rows,
    ms: Math.round((performance.now() - started) * 10) / 10,
    metered: call !== undefined && !silent && answer.status >= 200 && answer.status < 300,
    script: effects(fault),
  }
  journal.note(entry)
  // The company changes before the answer leaves, so that no client can be faster.
  for (const trigger of script.triggersFor(asked)) applyTrigger(serving, trigger)
  if (call) script.answered(asked)
  if (fault?.drop) request.socket.destroy()
  if (silent) return
  const tid = traceId(now)
  answer.headers = { intuit_tid: tid, 'X-Spanid': tid.slice(-12), ...answer.headers }
  await sendAnswer(request, response, answer, now, fault)
}

/** The HTTP server; it does not listen yet. */
export function createSimulatorServer(serving: Serving): Server {
  const server = createServer((request, response) => {
    const data = request.url?.startsWith('/v3/') === true
    if (data) {
      serving.underWay++
      const { stats } = serving.journal
      stats.mostUnderWay = Math.max(stats.mostUnderWay, serving.underWay)
      response.once('close', () => serving.underWay--)
    }
    answerRequest(serving, request, response).catch((error: unknown) => {
      if (response.destroyed) return
      response.statusCode = 599
      response.end(`simulator bug: ${error instanceof Error ? error.stack : String(error)}`)
    })
  })
  server.keepAliveTimeout = 30_000
  return server
}
