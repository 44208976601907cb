import http from 'node:http'
import { gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Client, connect, type Loose, postToken } from './client.ts'
import { type Simulator, startSimulator } from './index.ts'
import { createLimiter } from './limits.ts'

const all = 'select * from Invoice orderby MetaData.LastUpdatedTime maxresults 50'
let simulator: Simulator
let client: Client

beforeEach(async () => {
  simulator = await startSimulator({ invoices: 200, burst: 0, limits: false })
  client = await connect(simulator)
})
afterEach(() => simulator.close())

/** A raw request: what arrived before the connection ended, and how it ended. */
function receive(headers: Record<string, string> = {}) {
  const { base_url, realm_id } = simulator.config
  const url = `${base_url}/v3/company/${realm_id}/query?query=${encodeURIComponent(all)}`
  const authorization = `Bearer ${client.token}`
  return new Promise<{ bytes: Buffer; length: string | undefined; error: string }>((resolve) => {
    const parts: Buffer[] = []
    let length: string | undefined
    const end = (error: string) => resolve({ bytes: Buffer.concat(parts), length, error })
    const request = http.get(url, { headers: { authorization, ...headers }, agent: false })
    request.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message))
    request.on('response', (response) => {
      length = response.headers['content-length']
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message))
      response.on('end', () => end(''))
    })
  })
}

test('a limit is answered with 429 in XML whatever was accepted', async () => {
  simulator.switches.limits.perMinute = 2
  await client.send(all)
  await client.send(all)
  const answer = await client.send(all)
  expect([answer.status, answer.headers.get('content-type')]).toEqual([429, 'application/xml'])
  expect(answer.headers.get('retry-after')).toBeNull()
  const text = await answer.text()
  expect(text).toContain('<Fault type="SERVICE"><Error code="3001">')
  expect(text).toContain('message=ThrottleExceeded; errorCode=003001; statusCode=429')
  Object.assign(simulator.switches.limits, { body: 'json-fault', retryAfter: '7' })
  const json = await client.send(all)
  expect([json.headers.get('retry-after'), ((await json.json()) as Loose).Fault.type]).toEqual([
    '7',
    'SERVICE',
  ])
  expect(simulator.stats().throttled).toBe(2)
})

test('ten requests in a second are let in, the eleventh waits for the next', () => {
  let now = 0
  const limits = {
    perSecond: 10,
    perMinute: 25,
    concurrent: 0,
    body: 'xml',
    retryAfter: '',
  } as const
  const limiter = createLimiter({ ...limits }, () => now)
  const burst = () => Array.from({ length: 11 }, () => limiter.admit(1))
  expect(burst().filter(Boolean)).toHaveLength(10)
  now = 1000
  expect(burst().filter(Boolean)).toHaveLength(10)
  now = 2000
  expect(burst().filter(Boolean)).toHaveLength(5)
  now = 61_000
  expect(burst().filter(Boolean)).toHaveLength(10)
  expect(createLimiter({ ...limits, concurrent: 4 }).admit(5)).toBe(false)
})

test.each([
  [{ status: 503 }, 503, 'text/html', /503 Service Temporarily Unavailable/],
  [{ status: 504, body: 'xml' }, 504, 'application/xml', /errorCode=006002; statusCode=504/],
  [{ status: 500 }, 500, 'application/json;charset=utf-8', /"code":"10000".*"SystemFault"/],
  [{ status: 403 }, 403, 'application/json', /^\{"warnings":null.*"code":"3100"/],
  [{ status: 502, body: 'empty' }, 502, null, /^$/],
  [{ status: 200, body: 'json-fault' }, 200, 'application/json;charset=utf-8', /^\{"Fault":/],
  [{ status: 200, body: 'gateway-fault' }, 200, 'application/json', /"fault":\{"error"/],
] as const)('the next answer can be %j', async (fault, status, type, body) => {
  simulator.script.add(fault)
  const answer = await client.send(all)
  expect([answer.status, answer.headers.get('content-type')]).toEqual([status, type])
  expect(await answer.text()).toMatch(body)
  expect((await client.query(all)).body.QueryResponse.Invoice).toHaveLength(50)
})

test('faults queue up, wait their turn and pick their requests', async () => {
  simulator.script.add({ times: 2, status: 503, entity: 'Item' }, { after: 1, status: 500 })
  const statuses = []
  for (const entity of ['Item', 'Invoice', 'Invoice', 'Item', 'Item'])
    statuses.push((await client.send(`select * from ${entity}`)).status)
  // The second fault lets one request pass, the one that the first fault strikes.
  expect(statuses).toEqual([503, 500, 200, 503, 200])
})

test('every answer has a trace id and the simulated date', async () => {
  simulator.clock.freeze()
  simulator.clock.set('2026-07-01T12:00:00.250Z')
  const answer = await client.send(all)
  expect(answer.headers.get('intuit_tid')).toMatch(/^1-[0-9a-f]{8}-[0-9a-f]{24}$/)
  expect(answer.headers.get('date')).toBe('Wed, 01 Jul 2026 12:00:00 GMT')
  expect(await answer.text()).toMatch(/"time":"2026-07-01T05:00:00.250-07:00"\}$/)
})

test('answers are gzipped when asked for', async () => {
  const plain = await receive()
  const zipped = await receive({ 'accept-encoding': 'gzip' })
  const text = gunzipSync(zipped.bytes).toString()
  expect(text.slice(0, 500)).toBe(plain.bytes.toString().slice(0, 500))
  expect(zipped.bytes.length).toBeLessThan(plain.bytes.length / 3)
})

test.each([
  ['close', {}, 'ECONNRESET'],
  ['reset', {}, 'ECONNRESET'],
  ['close', { 'accept-encoding': 'gzip' }, 'ECONNRESET'],
  ['short-length', {}, ''],
  ['short-length', { 'accept-encoding': 'gzip' }, ''],
  ['chunked', {}, ''],
] as const)('a body is cut by %s with %j', async (cut, headers, error) => {
  simulator.script.add({ cutAfterBytes: 700, cut })
  const { bytes, length, error: seen } = await receive({ ...headers })
  expect(bytes.length).toBe(700)
  expect(seen).toBe(error)
  if (cut === 'short-length') expect(length).toBe('700')
  if (cut === 'close') expect(Number(length)).toBeGreaterThan(700)
})

test('a request can hang, be dropped, or be slow', async () => {
  simulator.script.add({ hang: true }, { drop: true }, { delayMs: 30 })
  const patience = AbortSignal.timeout(50)
  const { base_url, realm_id } = simulator.config
  const headers = { authorization: `Bearer ${client.token}` }
  const hanging = fetch(`${base_url}/v3/company/${realm_id}/companyinfo/${realm_id}`, {
    headers,
    signal: patience,
  })
  await expect(hanging).rejects.toThrow()
  expect((await receive()).error).toBe('ECONNRESET')
  expect((await receive()).error).toBe('')
  expect(simulator.log().map(({ status, script }) => [status, script])).toEqual([
    [200, ''],
    [0, 'hang'],
    [0, 'drop'],
    [200, 'delayMs=30'],
  ])
})

test('pages can be capped, repeat a row, hold more than asked, or be poisoned', async () => {
  simulator.script.add({ maxResults: 7 }, { repeatRow: true }, { extraRows: 2 })
  expect(await client.ids(all)).toHaveLength(7)
  const repeated = await client.ids(all)
  expect([repeated.length, repeated[0]]).toEqual([51, repeated[1]])
  expect(await client.ids(all)).toHaveLength(52)
  const [bad, good] = [repeated[10] as string, repeated[20] as string]
  simulator.script.add({ times: 0, poisonedId: bad })
  const refused = await client.query(all)
  expect([refused.status, refused.body.Fault.Error[0].code]).toEqual([400, '4002'])
  expect((await client.query(`select * from Invoice where Id = '${good}'`)).status).toBe(200)
})

test('the token end point can refuse, fail and be cut', async () => {
  const form = { grant_type: 'refresh_token', refresh_token: simulator.config.refresh_token }
  simulator.script.add(
    { endpoint: 'token', status: 400 },
    { endpoint: 'token', status: 500 },
    { endpoint: 'token', cutAfterBytes: 20 },
  )
  const refused = await postToken(simulator, form)
  expect([refused.status, await refused.json()]).toEqual([400, { error: 'invalid_grant' }])
  expect((await postToken(simulator, form)).status).toBe(500)
  await expect(postToken(simulator, form).then((answer) => answer.text())).rejects.toThrow()
  // The exchange was made although its answer was lost.
  expect(simulator.config.refresh_token).not.toBe(form.refresh_token)
})

test('after the n-th data request the company changes and tokens die', async () => {
  simulator.script.add({ afterRequests: 2, expireAccessTokens: true })
  const seen: number[] = []
  simulator.script.onAnswer((n) => seen.push(n))
  const statuses = []
  for (let n = 0; n < 3; n++) statuses.push((await client.send(all)).status)
  expect(statuses).toEqual([200, 200, 401])
  expect(seen).toEqual([1, 2, 3])
})
