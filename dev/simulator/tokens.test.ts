import { expect, test } from 'vitest'
import { connect, postToken } from './client.ts'
import { type Simulator, type SimulatorOptions, startSimulator } from './index.ts'

async function withSimulator<Value>(
  options: SimulatorOptions,
  use: (simulator: Simulator) => Promise<Value>,
): Promise<Value> {
  const simulator = await startSimulator({ invoices: 20, limits: false, ...options })
  try {
    return await use(simulator)
  } finally {
    await simulator.close()
  }
}

const refresh = (simulator: Simulator, token: string, headers?: Record<string, string>) =>
  postToken(simulator, { grant_type: 'refresh_token', refresh_token: token }, headers)

test('each refresh gives a new refresh token and the old one is dead at once', async () => {
  await withSimulator({}, async (simulator) => {
    const first = simulator.config.refresh_token
    const answer = await refresh(simulator, first)
    const body = (await answer.json()) as Record<string, unknown>
    expect(answer.status).toBe(200)
    expect(Object.keys(body)).toEqual([
      'token_type',
      'access_token',
      'expires_in',
      'refresh_token',
      'x_refresh_token_expires_in',
    ])
    expect(body).toMatchObject({
      token_type: 'bearer',
      expires_in: 3600,
      x_refresh_token_expires_in: 8_726_400,
    })
    expect(body.refresh_token).not.toBe(first)
    const again = await refresh(simulator, first)
    expect([again.status, await again.json()]).toEqual([
      400,
      { error_description: 'Incorrect or invalid refresh token', error: 'invalid_grant' },
    ])
    expect((await refresh(simulator, body.refresh_token as string)).status).toBe(200)
    expect(simulator.stats().tokens).toMatchObject({ refreshes: 2, refused: 1, rotations: 2 })
  })
})

test('with daily rotation the value changes with its age, and a grace keeps the old one', async () => {
  await withSimulator({ rotation: 'daily', graceSeconds: 86_400 }, async (simulator) => {
    const first = simulator.config.refresh_token
    simulator.clock.freeze()
    await refresh(simulator, first)
    expect(simulator.config.refresh_token).toBe(first)
    simulator.clock.advance(25 * 3600)
    await refresh(simulator, first)
    const second = simulator.config.refresh_token
    expect(second).not.toBe(first)
    const late = (await (await refresh(simulator, first)).json()) as { refresh_token: string }
    expect(late.refresh_token).toBe(second)
    simulator.clock.advance(86_400)
    expect((await refresh(simulator, first)).status).toBe(400)
  })
})

test('the hard limit is told when the request asks for it', async () => {
  await withSimulator({ rotation: 'never' }, async (simulator) => {
    const header = { 'x-include-refresh-token-hard-expires-in': 'true' }
    const answer = await refresh(simulator, simulator.config.refresh_token, header)
    expect(await answer.json()).toMatchObject({ x_refresh_token_hard_expires_in: 156_032_154 })
  })
})

test('the hard limit counts from the consent, cuts the life of the last refresh tokens, and ends the connection', async () => {
  const header = { 'x-include-refresh-token-hard-expires-in': 'true' }
  await withSimulator({ refreshTokenHardSeconds: 10_000_000 }, async (simulator) => {
    simulator.clock.freeze()
    simulator.clock.advance(9_000_000)
    const code = simulator.tokens.mintCode()
    await postToken(simulator, { grant_type: 'authorization_code', code })
    for (const left of [10_000_000, 5_000_000, 1_000_000]) {
      const answer = await refresh(simulator, simulator.config.refresh_token, header)
      expect(await answer.json()).toMatchObject({
        x_refresh_token_expires_in: Math.min(8_726_400, left),
        x_refresh_token_hard_expires_in: left,
      })
      simulator.clock.advance(left === 10_000_000 ? 5_000_000 : 4_000_000)
    }
    expect((await refresh(simulator, simulator.config.refresh_token, header)).status).toBe(400)
  })
})

test('the consent page sends nobody back whose request is not whole, and says a refusal', async () => {
  await withSimulator({}, async (simulator) => {
    const ask = (changes: Record<string, string>) => {
      const url = new URL('/connect/oauth2', simulator.baseUrl)
      const good = {
        client_id: simulator.config.client_id,
        response_type: 'code',
        scope: 'com.intuit.quickbooks.accounting',
        redirect_uri: 'http://localhost:9999/callback',
        state: 's1',
      }
      for (const [name, value] of Object.entries({ ...good, ...changes }))
        url.searchParams.set(name, value)
      return fetch(url, { redirect: 'manual' })
    }
    for (const name of ['client_id', 'response_type', 'scope', 'redirect_uri', 'state']) {
      const answer = await ask({ [name]: '' })
      expect([answer.status, await answer.text()]).toEqual([400, `${name}?`])
    }
    expect((await ask({})).status).toBe(302)
    simulator.switches.consent = 'denied'
    expect((await ask({})).headers.get('location')).toBe(
      'http://localhost:9999/callback?error=access_denied&state=s1',
    )
  })
})

test('wrong credentials and requests are refused, and a GET shows the clock only', async () => {
  await withSimulator({}, async (simulator) => {
    const wrong = await fetch(simulator.tokenUrl, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'refresh_token', client_id: 'x' }),
    })
    expect([wrong.status, await wrong.json()]).toEqual([401, { error: 'invalid_client' }])
    const empty = await postToken(simulator, { grant_type: 'password' })
    expect([empty.status, await empty.json()]).toEqual([400, { error: 'invalid_request' }])
    simulator.clock.freeze()
    simulator.clock.set('2026-03-01T10:00:00Z')
    const head = await fetch(simulator.tokenUrl, { method: 'HEAD' })
    expect([head.status, head.headers.get('date')]).toEqual([405, 'Sun, 01 Mar 2026 10:00:00 GMT'])
    const { client_id, client_secret, refresh_token } = simulator.config
    const body = { grant_type: 'refresh_token', client_id, client_secret, refresh_token }
    const post = { method: 'POST', body: new URLSearchParams(body) }
    expect((await fetch(simulator.tokenUrl, post)).status).toBe(200)
  })
})

test('an authorization code is good once, and its reuse kills the tokens it gave', async () => {
  await withSimulator({}, async (simulator) => {
    const redirect_uri = 'http://localhost:9999/callback'
    const { client_id } = simulator.config
    const asked = { client_id, scope: 'com.intuit.quickbooks.accounting', redirect_uri }
    const query = new URLSearchParams({ ...asked, response_type: 'code', state: 's1' })
    const url = `${simulator.baseUrl}/connect/oauth2?${query}`
    const consent = await fetch(url, { redirect: 'manual' })
    const target = new URL(consent.headers.get('location') as string)
    expect(target.searchParams.get('state')).toBe('s1')
    expect(target.searchParams.get('realmId')).toBe(simulator.config.realm_id)
    const code = target.searchParams.get('code') as string
    const form = { grant_type: 'authorization_code', code, redirect_uri }
    const other = await postToken(simulator, { ...form, redirect_uri: 'http://localhost:1/' })
    expect(other.status).toBe(400)
    const answer = await postToken(simulator, form)
    expect(answer.status).toBe(200)
    const { refresh_token } = (await answer.json()) as { refresh_token: string }
    expect((await postToken(simulator, form)).status).toBe(400)
    expect((await refresh(simulator, refresh_token)).status).toBe(400)
  })
})

test('an access token dies with its time or its number of requests', async () => {
  await withSimulator({ accessTokenSeconds: 5, accessTokenRequests: 3 }, async (simulator) => {
    simulator.clock.freeze()
    const client = await connect(simulator)
    expect((await client.send('select * from Item')).status).toBe(200)
    simulator.clock.advance(5)
    expect((await client.send('select * from Item')).status).toBe(401)
    const next = await connect(simulator)
    const statuses = []
    for (let n = 0; n < 4; n++) statuses.push((await next.send('select * from Item')).status)
    expect(statuses).toEqual([200, 200, 200, 401])
  })
})

test('a refused access token is answered in the gateway envelope', async () => {
  await withSimulator({}, async (simulator) => {
    const client = await connect(simulator)
    simulator.tokens.expireAccessTokens()
    const answer = await client.send('select * from Item')
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe(
      'Bearer realm="Intuit", error="invalid_token"',
    )
    const text = await answer.text()
    expect(text).toMatch(
      /^\{"warnings":null,"intuitObject":null,"fault":\{"error":\[\{"message":"message=AuthenticationFailed; errorCode=003200; statusCode=401","detail":"Token expired: [^"]+","code":"3200","element":null\}\],"type":"AUTHENTICATION"\},"report":null,"queryResponse":null,"batchItemResponse":\[\],"attachableResponse":\[\],"syncErrorResponse":null,"requestId":null,"time":\d{13},"status":null,"cdcresponse":\[\]\}$/,
    )
    const garbage = await client.get('companyinfo/1', { authorization: 'Bearer nonsense' })
    expect(await garbage.text()).toContain('Malformed bearer token: too short or too long')
  })
})

test('a token of another company is answered in XML, or as a switch says', async () => {
  await withSimulator({}, async (simulator) => {
    const { token } = await connect(simulator)
    const ask = () =>
      fetch(`${simulator.baseUrl}/v3/company/123/query?query=select * from Item`, {
        headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
      })
    const answer = await ask()
    expect([answer.status, answer.headers.get('content-type')]).toEqual([401, 'application/xml'])
    expect(await answer.text()).toContain('<Error code="100"><Message>General Authentication Error')
    simulator.switches.wrongRealm = 'forbidden'
    const forbidden = await ask()
    expect(forbidden.status).toBe(403)
    expect(await forbidden.text()).toContain(
      'message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403',
    )
  })
})
