import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { consent, lastLine, link, openLogin, read } from '../fixtures/login.ts'

const REGISTERED = 'https://books.example.com/callback'

test.concurrent('with a redirect URI elsewhere the address is pasted, and asked for again when it is wrong', async () => {
  const { world, save, start } = await openLogin({}, {}, REGISTERED)
  const running = start()
  const target = await consent(await link(running))
  expect(target.href).toMatch(/^https:\/\/books\.example\.com\/callback\?code=/)
  const stranger = new URL(target)
  stranger.searchParams.set('state', 'x')
  running.child.stdin?.write(`${stranger}\n\nno address\n${target}\n`)
  const run = await running.ended
  expect([run.code, run.stdout]).toEqual([0, ''])
  expect(read(save).refresh_token).toBe(world.simulator.tokens.refreshToken())
  expect(run.stderr).toMatch(/^WARNING what was pasted cannot be used: its state is not/m)
  expect(run.stderr).toMatch(/^WARNING what was pasted cannot be used: it is not a URL/m)
  expect(run.stderr).not.toContain('XAB1')
})

for (const [what, pasted, exit, message] of [
  [
    'three wrong addresses',
    'https://a.example\nsecret-word\nhttps://c.example\n',
    1,
    /cannot be used/,
  ],
  ['the end of stdin', '', 1, /stdin ended before/],
  ['a refusal', 'refusal', 3, /gives no consent/],
] as const)
  test.concurrent(`${what} instead of the pasted address ends login with exit ${exit}`, async () => {
    const { save, start } = await openLogin({}, { consent: 'denied' }, REGISTERED)
    const running = start()
    const target = await consent(await link(running))
    if (pasted === 'refusal') running.child.stdin?.write(`${target}\n`)
    else running.child.stdin?.end(pasted)
    const run = await running.ended
    expect([run.code, run.stdout]).toEqual([exit, ''])
    expect(run.stderr).toMatch(message)
    expect(lastLine(run)).toMatch(/^CRITICAL .*Run login again/)
    expect(run.stderr).not.toContain('secret-word')
    expect(existsSync(save)).toBe(false)
  })

for (const [signal, exit] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  for (const uri of [undefined, REGISTERED])
    test.concurrent(`${signal} ends a login that waits ${uri ? 'on stdin' : 'for the browser'}`, async () => {
      const { start } = await openLogin({}, {}, uri)
      const running = start()
      await link(running)
      const began = performance.now()
      running.child.kill(signal)
      expect((await running.ended).code).toBe(exit)
      // Not only when the last moment has come that a stopped program has.
      expect(performance.now() - began).toBeLessThan(8000)
    })
