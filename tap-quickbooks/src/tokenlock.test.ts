import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, type TestContext, test } from 'vitest'
import { APART, needNamespaces } from '../../dev/namespaces.ts'
import { openElsewhere } from '../fixtures/elsewhere.ts'
import { openProxy } from '../fixtures/proxy.ts'
import { openWorld, type Running, type World } from '../fixtures/tap.ts'

const small = { invoices: 1, customers: 1, items: 1, limits: false } as const
const kept = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>

function needNetworks(context: TestContext): void {
  needNamespaces(context, [...APART, 'sh', '-c', 'ip link set lo up && "$0"'])
}

/** The lease, as old as that of a program which has given no sign of life for long. */
const age = ({ directory }: World) => utimesSync(join(directory, '.token.json.lock'), 0, 0)

test.concurrent('8 taps in networks of their own that share a token_file refresh it once', async (context) => {
  needNetworks(context)
  const world = await openWorld(small)
  const prefix = await openElsewhere(world.simulator.baseUrl)
  world.simulator.script.add({ endpoint: 'token', delayMs: 300 })
  const runs = await Promise.all(Array.from({ length: 8 }, () => world.run({ prefix })))
  expect(runs.map(({ code }) => code)).toEqual(runs.map(() => 0))
  expect(world.simulator.tokens.counts).toMatchObject({ refreshes: 1, refused: 0 })
  expect(readdirSync(world.directory).filter((name) => name.startsWith('.'))).toEqual([])
})

test.concurrent('a tap that was killed in another network while it refreshed is waited for, and told of', async (context) => {
  needNetworks(context)
  const world = await openWorld(small)
  const { simulator } = world
  simulator.script.add({ endpoint: 'token', hang: true })
  const first = world.start({ prefix: await openElsewhere(simulator.baseUrl) })
  while (simulator.stats().requests === 0) await new Promise(setImmediate)
  // As a whole container goes: the relay leads to it no more.
  const { pid } = JSON.parse(readFileSync(join(world.directory, '.token.json.lock'), 'utf8'))
  process.kill(pid, 'SIGKILL')
  await first.ended
  age(world)
  const second = await world.run()
  expect(second.code).toBe(0)
  expect(second.stderr).toMatch(
    /^INFO waiting for the program \(process \d+ on host .*\) that refreshes the token: if it was /m,
  )
})

/** A tap that stands still from when its refresh was answered; it has not seen the answer yet. */
async function stopWhileRefreshing(world: World): Promise<Running> {
  let stop = () => {}
  const isStopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  const proxy = await openProxy(world.simulator.baseUrl, (request) => {
    if (request.method === 'POST') {
      running.child.kill('SIGSTOP')
      stop()
    }
    return false
  })
  const running = world.start({ settings: { token_url: `${proxy}/oauth2/v1/tokens/bearer` } })
  await isStopped
  while (world.simulator.tokens.counts.rotations === 0) await new Promise(setImmediate)
  return running
}

test.concurrent('a tap that stood still with a new token writes it all the same: it is the only good one', async (context) => {
  needNetworks(context)
  const world = await openWorld(small)
  const { simulator, tokenFile } = world
  const first = await stopWhileRefreshing(world)
  age(world)
  const second = await world.run({ prefix: await openElsewhere(simulator.baseUrl) })
  expect(second.code).toBe(3)
  expect(existsSync(tokenFile)).toBe(false)
  first.child.kill('SIGCONT')
  expect((await first.ended).code).toBe(0)
  expect(kept(tokenFile).refresh_token).toBe(simulator.tokens.refreshToken())
})

test.concurrent('a tap that stood still with a new token leaves a newer one that another has kept', async (context) => {
  needNetworks(context)
  const world = await openWorld({ ...small, graceSeconds: 3600 })
  const { simulator, tokenFile } = world
  const first = await stopWhileRefreshing(world)
  age(world)
  const prefix = await openElsewhere(simulator.baseUrl)
  for (let refreshes = 2; refreshes < 4; refreshes++) {
    expect((await world.run({ prefix })).code).toBe(0)
    expect(simulator.tokens.counts.refreshes).toBe(refreshes)
    const end = { access_token_expires_at: '2020-01-01T00:00:00Z' }
    writeFileSync(tokenFile, JSON.stringify({ ...kept(tokenFile), ...end }))
  }
  first.child.kill('SIGCONT')
  const run = await first.ended
  expect(run.code).toBe(0)
  expect(run.stderr).toMatch(/^INFO another program has refreshed the token meanwhile/m)
  expect(kept(tokenFile).refresh_token).toBe(simulator.tokens.refreshToken())
})

test.concurrent('a tap that stood still before it asked for a new token looks first what is kept', async (context) => {
  needNetworks(context)
  const world = await openWorld(small)
  const { simulator, tokenFile } = world
  let stop = () => {}
  const isStopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  let isFirst = true
  const proxy = await openProxy(simulator.baseUrl, (request, answer) => {
    if (request.method !== 'POST' || !isFirst) return false
    isFirst = false
    first.child.kill('SIGSTOP')
    stop()
    answer.writeHead(500).end()
    return true
  })
  const first = world.start({ settings: { token_url: `${proxy}/oauth2/v1/tokens/bearer` } })
  await isStopped
  age(world)
  expect((await world.run({ prefix: await openElsewhere(simulator.baseUrl) })).code).toBe(0)
  const written = readFileSync(tokenFile, 'utf8')
  first.child.kill('SIGCONT')
  const run = await first.ended
  expect(run.code).toBe(0)
  expect(run.stderr).toMatch(/^INFO this program stood still .*; the refresh begins anew$/m)
  expect(simulator.tokens.counts).toMatchObject({ refreshes: 1, refused: 0 })
  expect(readFileSync(tokenFile, 'utf8')).toBe(written)
})
