import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { postToken } from '../../dev/simulator/client.ts'
import { openProxy } from '../fixtures/proxy.ts'
import { openWorld, type World } from '../fixtures/tap.ts'

const DAY = 86_400
const PAST = '2020-01-01T00:00:00Z'

type Kept = Record<string, string>
const kept = ({ tokenFile }: World) => JSON.parse(readFileSync(tokenFile, 'utf8')) as Kept
const rewrite = (world: World, changes: Kept) =>
  writeFileSync(world.tokenFile, JSON.stringify({ ...kept(world), ...changes }))

const openSmall = (options = {}, settings = {}) =>
  openWorld({ invoices: 2, customers: 1, items: 1, limits: false, ...options }, settings)

/** Another machine refreshes while the first refresh of the next run is on its way. */
async function refreshElsewhere(world: World, arrives: (tokens: Kept) => void): Promise<Kept> {
  const { simulator } = world
  let posts = 0
  const proxy = await openProxy(simulator.baseUrl, async (asked) => {
    if (asked.method !== 'POST' || ++posts > 1) return false
    const refresh_token = simulator.tokens.refreshToken()
    const answer = await postToken(simulator, { grant_type: 'refresh_token', refresh_token })
    arrives((await answer.json()) as Kept)
    return false
  })
  return { token_url: `${proxy}/oauth2/v1/tokens/bearer` }
}

for (const [state, access_token_expires_at, refreshes] of [
  ['good', '2099-01-01T00:00:00Z', 2],
  ['old', PAST, 3],
] as const)
  test.concurrent(`a token that another machine has replaced meanwhile is looked for once more; its access token is ${state}`, async () => {
    const world = await openSmall()
    expect((await world.run()).code).toBe(0)
    rewrite(world, { access_token_expires_at: PAST })
    const settings = await refreshElsewhere(world, ({ refresh_token, access_token }) =>
      rewrite(world, { refresh_token, access_token, access_token_expires_at } as Kept),
    )
    expect((await world.run({ settings })).code).toBe(0)
    expect(world.simulator.tokens.counts).toMatchObject({ refreshes, refused: 1 })
    expect(kept(world).refresh_token).toBe(world.simulator.tokens.refreshToken())
  })

test.concurrent('a token that another machine has given to token_command meanwhile is looked for once more', async () => {
  const world = await openSmall()
  const secret = join(world.directory, 'secret')
  writeFileSync(secret, world.simulator.tokens.refreshToken())
  const settings = await refreshElsewhere(world, ({ refresh_token }) =>
    writeFileSync(secret, String(refresh_token)),
  )
  const token_command = `read -r new; if [ "$new" ]; then echo "$new" > ${secret}; else cat ${secret}; fi`
  expect((await world.run({ settings: { ...settings, token_command } })).code).toBe(0)
  expect(world.simulator.tokens.counts).toMatchObject({ refreshes: 2, refused: 1 })
  expect(readFileSync(secret, 'utf8').trim()).toBe(world.simulator.tokens.refreshToken())
})

test.concurrent('a refusal and a failure of the token end point name the trace for Intuit', async () => {
  const world = await openSmall({}, { max_attempts: 1 })
  const tid = /^CRITICAL .*\(intuit_tid 1-[0-9a-f]{8}-[0-9a-f]{24}\)/m
  world.simulator.script.add({ endpoint: 'token', status: 503 })
  const failed = await world.run()
  expect([failed.code, failed.stderr]).toEqual([4, expect.stringMatching(tid)])
  world.simulator.script.add({ endpoint: 'token', status: 200, body: 'html' })
  expect((await world.run()).stderr).toMatch(tid)
  world.simulator.tokens.revoke()
  const refused = await world.run()
  expect([refused.code, refused.stderr]).toEqual([3, expect.stringMatching(tid)])
})

const WARNING = /^WARNING the connection to QuickBooks ends on (\S+), .*tap-quickbooks login/m

/** The date in so many seconds. */
const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString()

for (const [what, options, end] of [
  ['59 days before the hard end', { refreshTokenHardSeconds: 59 * DAY }, 59 * DAY],
  ['when a refresh reaches 19 days only', { refreshTokenSeconds: 19 * DAY }, 19 * DAY],
] as const)
  test.concurrent(`${what} every run says until when, with a new access token and with a kept one`, async () => {
    const world = await openSmall(options)
    for (const run of [await world.run(), await world.run()]) {
      expect(run.code).toBe(0)
      expect(run.stderr.match(new RegExp(WARNING, 'gm'))).toHaveLength(1)
      // Over midnight the date may be the next.
      const days = [inSeconds(end - 600), inSeconds(end)].map((time) => time.slice(0, 10))
      expect(days).toContain(WARNING.exec(run.stderr)?.[1])
      expect(run.stderr).not.toMatch(/error|exception/i)
    }
    expect(world.simulator.tokens.counts.refreshes).toBe(1)
  })

test.concurrent('a connection with time left is not spoken of, and its ends are kept', async () => {
  const world = await openSmall({
    refreshTokenHardSeconds: 61 * DAY,
    refreshTokenSeconds: 21 * DAY,
  })
  expect((await world.run()).stderr).not.toMatch(WARNING)
  const { refresh_token_hard_expires_at, refresh_token_expires_at } = kept(world)
  for (const [end, days] of [
    [refresh_token_hard_expires_at, 61],
    [refresh_token_expires_at, 21],
  ] as const)
    expect(Math.abs(Date.parse(String(end)) - Date.parse(inSeconds(days * DAY)))).toBeLessThan(
      600_000,
    )
})

test.concurrent('a refusal after the hard end says that this is the likely reason', async () => {
  const world = await openSmall()
  expect((await world.run()).code).toBe(0)
  rewrite(world, { access_token_expires_at: PAST, refresh_token_hard_expires_at: PAST })
  world.simulator.tokens.revoke()
  const run = await world.run()
  expect(run.code).toBe(3)
  expect(run.stderr.trimEnd().split('\n').at(-1)).toMatch(
    /^CRITICAL .*invalid_grant.*likely reason.*came to its end on 2020-01-01.*tap-quickbooks login/,
  )
})
