import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openProxy } from '../fixtures/proxy.ts'
import { expectComplete } from '../fixtures/reading.ts'
import { folder, openWorld, startTap } from '../fixtures/tap.ts'

const kept = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>

test.concurrent('the new refresh token is on disk, 0600, before the new access token is used', async () => {
  const world = await openWorld({ limits: false })
  const { simulator, tokenFile } = world
  const found: unknown[] = []
  simulator.script.onAnswer((n) => {
    if (n > 1) return
    const { refresh_token, access_token } = kept(tokenFile)
    found.push(refresh_token, access_token, statSync(tokenFile).mode & 0o777)
  })
  const run = await world.run()
  expect(run.code).toBe(0)
  expect(found).toEqual([simulator.tokens.refreshToken(), simulator.tokens.accessToken(), 0o600])
  expect(found[0]).not.toBe(world.settings.refresh_token)
  expect(simulator.tokens.counts).toMatchObject({ refreshes: 1, refused: 0 })
  expect(readdirSync(world.directory).filter((name) => name.startsWith('.'))).toEqual([])
})

test.concurrent('runs share an access token while it is good, and the token rotates over runs with the config unchanged', async () => {
  const world = await openWorld({ limits: false, invoices: 2 })
  const { simulator, tokenFile } = world
  await world.run()
  await world.run()
  expect(simulator.tokens.counts.refreshes).toBe(1)
  for (let run = 0; run < 2; run++) {
    simulator.tokens.expireAccessTokens()
    writeFileSync(
      tokenFile,
      JSON.stringify({ ...kept(tokenFile), access_token_expires_at: '2020-01-01T00:00:00Z' }),
    )
    expect((await world.run()).code).toBe(0)
  }
  expect(simulator.tokens.counts).toMatchObject({ refreshes: 3, refused: 0, rotations: 3 })
  expect(kept(tokenFile).refresh_token).toBe(simulator.tokens.refreshToken())
})

test.concurrent('a new refresh token in the config wins over the kept one', async () => {
  const world = await openWorld({ limits: false, invoices: 2 })
  const { simulator, tokenFile } = world
  await world.run()
  writeFileSync(
    tokenFile,
    JSON.stringify({ ...kept(tokenFile), refresh_token: 'dead', access_token: 'dead' }),
  )
  const settings = { refresh_token: simulator.config.refresh_token }
  expect((await world.run({ settings })).code).toBe(0)
  expect(simulator.tokens.counts.refused).toBe(0)
  expect(kept(tokenFile).refresh_token).toBe(simulator.tokens.refreshToken())
})

test.concurrent('a token that cannot be kept is not fetched', async () => {
  const world = await openWorld({ invoices: 1 })
  const file = world.file('file', 'a file, no directory')
  for (const path of [join(file, 'token.json'), world.directory]) {
    const run = await world.run({ settings: { token_file: path } })
    expect([run.code, run.stdout], path).toEqual([1, ''])
    expect(run.stderr).toMatch(/^ERROR token_file/m)
  }
  expect(world.simulator.stats().requests).toBe(0)
})

for (const taps of [2, 8])
  test.concurrent(`${taps} taps that share a connection refresh it once`, async () => {
    const world = await openWorld({ invoices: 1, customers: 1, items: 1, limits: false })
    world.simulator.script.add({ endpoint: 'token', delayMs: 300 })
    const runs = await Promise.all(Array.from({ length: taps }, () => world.run()))
    expect(runs.map(({ code }) => code)).toEqual(runs.map(() => 0))
    expect(world.simulator.tokens.counts).toMatchObject({ refreshes: 1, refused: 0 })
  })

test.concurrent("taps that share access tokens of a few seconds use each other's, and none gives up", async () => {
  const world = await openWorld({ invoices: 200, limits: false, accessTokenSeconds: 4 })
  const settings = { page_size: 10 }
  const runs = await Promise.all([1, 2, 3].map(() => world.run({ settings })))
  expect(runs.map(({ code }) => code)).toEqual([0, 0, 0])
  for (const run of runs) expectComplete(world, [run])
  // Not one for each of some 120 requests.
  expect(world.simulator.tokens.counts.refreshes).toBeLessThan(30)
})

test.concurrent('an access token that dies mid-run costs one refresh and no row', async () => {
  const world = await openWorld({ invoices: 80 }, { page_size: 10, concurrency: 4 })
  world.simulator.script.add({ afterRequests: 5, expireAccessTokens: true })
  const run = await world.run({ settings: { max_attempts: 1 } })
  expect(run.code).toBe(0)
  expectComplete(world, [run])
  expect(world.simulator.tokens.counts).toMatchObject({ refreshes: 2, refused: 0 })
})

test.concurrent('a refused refresh token ends at once with exit 3 and says what to do', async () => {
  const world = await openWorld({ invoices: 1 })
  world.simulator.tokens.revoke()
  const run = await world.run()
  expect([run.code, run.stdout]).toEqual([3, ''])
  expect(world.simulator.tokens.counts.refused).toBe(1)
  const last = run.stderr.trimEnd().split('\n').at(-1)
  expect(last).toMatch(/^CRITICAL .*invalid_grant.*Authorise the app again.*refresh_token/)
  expect(run.stderr).not.toMatch(/ at .*:\d+:\d+/)
})

test.concurrent('a connection that is revoked mid-run ends with exit 3, asks once, and leaves a good STATE', async () => {
  const world = await openWorld({ invoices: 80, limits: false }, { page_size: 10, concurrency: 3 })
  world.simulator.script.add({ afterRequests: 6, revoke: true })
  const run = await world.run()
  expect(run.code).toBe(3)
  expect(world.simulator.tokens.counts.refused).toBe(1)
  expect(run.states.length).toBeGreaterThan(0)
  expect(run.stderr.trimEnd().split('\n').at(-1)).toMatch(/^CRITICAL .*invalid_grant/)
})

test.concurrent('a token of another company is refreshed once, however many streams it is refused for', async () => {
  const world = await openWorld({ limits: false }, { realm_id: '123' })
  const run = await world.run()
  expect(run.code).toBe(3)
  expect(run.stderr).toMatch(/^CRITICAL .*Is realm_id the company that was connected/m)
  // The first token of the run, and the one that was to replace it.
  expect(world.simulator.tokens.counts).toMatchObject({ refreshes: 2, refused: 0 })
})

test.concurrent('a wrong client is named as such, once', async () => {
  const world = await openWorld({ invoices: 1 })
  const run = await world.run({ settings: { client_secret: 'wrong-secret' } })
  expect(run.code).toBe(3)
  expect(run.stderr).toMatch(/^CRITICAL .*invalid_client.*client_id or client_secret/m)
  expect(world.simulator.tokens.counts.refused).toBe(1)
})

test.concurrent('a token end point that fails is asked again, at most max_attempts times', async () => {
  const world = await openWorld({ invoices: 2, limits: false })
  const { simulator } = world
  simulator.script.add(
    { endpoint: 'token', status: 500 },
    { endpoint: 'token', drop: true },
    { endpoint: 'token', status: 503, body: 'html' },
    { endpoint: 'token', status: 200, body: 'text', text: '{"access_token":' },
  )
  const good = await world.run({ settings: { max_attempts: 5 } })
  expect(good.code).toBe(0)
  expectComplete(world, [good])

  simulator.script.add({ endpoint: 'token', status: 500, times: 0 })
  simulator.reset()
  const settings = { max_attempts: 3, token_file: join(folder(), 'deep', 'er', 'token.json') }
  const bad = await world.run({ settings })
  expect([bad.code, bad.stdout]).toEqual([4, ''])
  expect(simulator.stats().requests).toBe(3)
})

test.concurrent('the time is asked for again when the answer breaks off', async () => {
  const world = await openWorld({ invoices: 2, limits: false })
  await world.run()
  let asked = 0
  const proxy = await openProxy(world.simulator.baseUrl, (request, answer) => {
    if (request.method !== 'HEAD' || ++asked > 2) return false
    answer.destroy()
    return true
  })
  const run = await world.run({ settings: { token_url: `${proxy}/oauth2/v1/tokens/bearer` } })
  expect(run.code).toBe(0)
  expect(asked).toBe(3)
})

test.concurrent('a tap that is stopped while it refreshes keeps the new token', async () => {
  const world = await openWorld({ invoices: 2, limits: false })
  const { simulator } = world
  let stop = () => {}
  const proxy = await openProxy(simulator.baseUrl, (request) => {
    if (request.method === 'POST') stop()
    return false
  })
  simulator.script.add({ endpoint: 'token', delayMs: 700 })
  const running = world.start({ settings: { token_url: `${proxy}/oauth2/v1/tokens/bearer` } })
  stop = () => running.child.kill('SIGTERM')
  expect((await running.ended).code).toBe(143)
  expect(simulator.tokens.counts.refreshes).toBe(1)
  expect(kept(world.tokenFile).refresh_token).toBe(simulator.tokens.refreshToken())
  expect((await world.run()).code).toBe(0)
})

test.concurrent('without token_file the token is kept under XDG_STATE_HOME', async () => {
  const world = await openWorld({ invoices: 1, limits: false })
  const home = join(folder(), 'state')
  const { token_file: _, ...settings } = world.settings
  const run = await startTap(['-c', world.file('config.json', settings)], { XDG_STATE_HOME: home })
    .ended
  expect(run.code).toBe(0)
  const path = join(home, 'tap-quickbooks', `${world.simulator.config.realm_id}.json`)
  expect(existsSync(path)).toBe(true)
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test.concurrent('a tap that is killed leaves no lock behind', async () => {
  const world = await openWorld({ invoices: 1, limits: false })
  world.simulator.script.add({ endpoint: 'token', hang: true })
  const first = world.start({ settings: { log_level: 'debug' } })
  const asked = async () => {
    while (world.simulator.stats().requests === 0) await new Promise(setImmediate)
  }
  await asked()
  first.child.kill('SIGKILL')
  await first.ended
  const second = await world.run()
  expect(second.code).toBe(0)
})
