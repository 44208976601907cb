import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { expect, test } from 'vitest'
import { openProxy } from '../fixtures/proxy.ts'
import { folder, openWorld, type Run, startTap, type World } from '../fixtures/tap.ts'

// The value of the token changes with each of these exchanges, and the one before is good for a
// day more. Without such a grace nothing survives the loss of the end point's answer.
const DAILY = { rotation: 'daily', graceSeconds: 86_400 } as const

/** A connection whose tokens lie alone in a folder. */
async function openConnection(): Promise<{ world: World; place: string; path: string }> {
  const sizes = { invoices: 1, customers: 1, items: 1, limits: false } as const
  const world = await openWorld({ ...sizes, ...DAILY })
  world.simulator.clock.freeze()
  const place = folder()
  const path = `${place}/token.json`
  Object.assign(world.settings, { token_file: path })
  return { world, place, path }
}

/** A day later: the next run has to refresh, and gets a new refresh token. */
function age({ simulator }: World, path: string): void {
  simulator.clock.advance(25 * 3600)
  simulator.tokens.expireAccessTokens()
  if (!existsSync(path)) return
  const kept = JSON.parse(readFileSync(path, 'utf8'))
  writeFileSync(path, JSON.stringify({ ...kept, access_token_expires_at: '2020-01-01T00:00:00Z' }))
}

function tryConnection(world: World, settings = {}, environment = {}): Promise<Run> {
  const config = world.file('config.json', { ...world.settings, ...settings })
  return startTap(['-c', config, '--test'], environment).ended
}

/**
 * The token file is whole or not there, the next run is good, and nothing is left beside it; but the
 * lock of a dead process stays until the next refresh.
 */
async function expectWhole(world: World, place: string, path: string, where: string) {
  if (existsSync(path)) {
    const kept = JSON.parse(readFileSync(path, 'utf8'))
    expect(Object.keys(kept), where).toEqual(
      expect.arrayContaining(['fingerprint', 'refresh_token', 'access_token']),
    )
  }
  const next = await tryConnection(world)
  expect([next.code, next.stderr], where).toEqual([
    0,
    expect.not.stringMatching(/WARNING (?!clock)/),
  ])
  const isLock = (name: string) => name.startsWith('.token.json.lock')
  expect(
    readdirSync(place).filter((name) => !isLock(name)),
    where,
  ).toEqual(['token.json'])
  expect(JSON.parse(readFileSync(path, 'utf8')).refresh_token, where).toBe(
    world.simulator.tokens.refreshToken(),
  )
}

test.concurrent('a tap that is killed at any step of keeping the token leaves a usable one', async () => {
  const { world, place, path } = await openConnection()
  const preload = new URL('../fixtures/killpoint.js', import.meta.url).href
  let step = 0
  for (let isKilled = true; isKilled; step++) {
    age(world, path)
    const environment = { NODE_OPTIONS: `--import=${preload}`, KILL_FOLDER: place }
    const run = await tryConnection(world, {}, { ...environment, KILL_AT: String(step) })
    isKilled = run.code === null
    if (!isKilled) expect(run.code, run.stderr).toBe(0)
    await expectWhole(world, place, path, `step ${step}`)
  }
  // Looking, making the place, writing, and what follows: none of them is left out.
  expect(step).toBeGreaterThan(18)
  expect(readdirSync(place)).toEqual(['token.json'])
  expect(world.simulator.tokens.counts).toMatchObject({ refused: 0 })
})

test.concurrent('a tap that is killed anywhere between its request and the answer leaves a usable token', async () => {
  const { world, place, path } = await openConnection()
  const { simulator } = world
  /** What is let through before the kill: not even the request, or so many bytes of the answer. */
  const moments = [undefined, 0, 1, 200, 'half', 'all but one', 'all'] as const
  for (const moment of moments) {
    age(world, path)
    let kill = () => {}
    const proxy = await openProxy(simulator.baseUrl, async (asked, answer) => {
      if (asked.method !== 'POST') return false
      if (moment === undefined) {
        kill()
        return true
      }
      const { method, headers } = asked
      const url = new URL(asked.url ?? '/', simulator.baseUrl)
      const onward = request(url, { method, headers }, async (came) => {
        const bytes = Buffer.concat(await came.toArray())
        const ends = { half: bytes.length >> 1, 'all but one': bytes.length - 1, all: bytes.length }
        answer.writeHead(came.statusCode ?? 500, {
          ...came.headers,
          'content-length': bytes.length,
        })
        answer.write(bytes.subarray(0, typeof moment === 'number' ? moment : ends[moment]), kill)
      })
      asked.pipe(onward)
      return true
    })
    const settings = { ...world.settings, token_url: `${proxy}/oauth2/v1/tokens/bearer` }
    const running = startTap(['-c', world.file('config.json', settings), '--test'])
    kill = () => running.child.kill('SIGKILL')
    expect((await running.ended).code, String(moment)).toBeNull()
    await expectWhole(world, place, path, `after ${moment ?? 'nothing'}`)
  }
  expect(simulator.tokens.counts).toMatchObject({ refused: 0 })
})
