import { expect, test } from 'vitest'
import type { Fault } from '../../dev/simulator/index.ts'
import { openProxy } from '../fixtures/proxy.ts'
import { openWorld } from '../fixtures/tap.ts'

const small = { invoices: 1, customers: 0, items: 0, limits: false } as const

const redirect: Fault = {
  status: 302,
  body: 'empty',
  headers: { Location: 'https://login.example.com/?token=hidden-word' },
}

for (const [what, fault, words] of [
  ['a redirect', redirect, /answers 302 \(a redirect to login\.example\.com\).*check token_url/],
  ["a proxy's 407", { status: 407, body: 'html' }, /answers 407 .*A proxy .*password.*token_url/],
  ["another server's 404", { status: 404, body: 'html' }, /answers 404 .*Check token_url/],
  ["another server's 401", { status: 401, body: 'html' }, /answers 401 .*Check token_url/],
  ["another server's 400", { status: 400, body: 'text', text: 'what?' }, /400 .*Check token_url/],
  ['another word', { status: 400, body: 'text', text: '{"error":"teapot"}' }, /400 \(teapot\)/],
] as const)
  test.concurrent(`${what} at the token end point is no refusal: exit 4, asked once, and says where to look`, async () => {
    const world = await openWorld(small)
    world.simulator.script.add({ endpoint: 'token', times: 0, ...fault } as Fault)
    const run = await world.run()
    expect([run.code, run.stdout]).toEqual([4, ''])
    const last = run.stderr.trimEnd().split('\n').at(-1)
    expect(last).toMatch(/^CRITICAL the token end point answers/)
    expect(last).toMatch(words)
    expect(run.stderr).not.toContain('hidden-word')
    expect(world.simulator.stats().requests).toBe(1)
    // The token was not spent.
    world.simulator.script.clear()
    expect((await world.run()).code).toBe(0)
  })

for (const word of ['invalid_grant', 'invalid_client', 'unauthorized_client', 'invalid_request'])
  test.concurrent(`${word} is a refusal: exit 3`, async () => {
    const world = await openWorld(small)
    const text = JSON.stringify({ error: word, error_description: 'hidden-word' })
    const status = word === 'invalid_client' ? 401 : 400
    world.simulator.script.add({ endpoint: 'token', times: 0, status, body: 'text', text })
    const run = await world.run()
    expect([run.code, run.stdout]).toEqual([3, ''])
    expect(run.stderr).toMatch(new RegExp(`^CRITICAL .*answers ${status} \\(${word}\\)`, 'm'))
    expect(run.stderr).not.toContain('hidden-word')
  })

test.concurrent('a page in place of a token is asked for again, and says where to look', async () => {
  const world = await openWorld(small)
  const proxy = await openProxy(world.simulator.baseUrl, (_request, answer) => {
    answer.setHeader('content-type', 'text/html').end('<html>Welcome to this hotel</html>')
    return true
  })
  const settings = { token_url: `${proxy}/oauth2/v1/tokens/bearer`, max_attempts: 2 }
  const run = await world.run({ settings })
  expect([run.code, run.stdout]).toEqual([4, ''])
  expect(run.stderr).toMatch(/^CRITICAL .*something else than JSON.*check token_url/m)
})
