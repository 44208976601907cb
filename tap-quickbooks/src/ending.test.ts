import { expect, test } from 'vitest'
import { expectComplete, expectTrueStates, rowTimes } from '../fixtures/reading.ts'
import { openWorld, saw } from '../fixtures/tap.ts'

for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)
  test.concurrent(`${signal} ends with ${code}, at once and with everything whole`, async () => {
    const world = await openWorld({ invoices: 120, limits: false }, { page_size: 10 })
    world.simulator.script.add({ hang: true, times: 0, after: 8 })
    const running = world.start()
    await saw(running, '"type":"STATE"')
    const start = performance.now()
    running.child.kill(signal)
    const run = await running.ended
    expect(run.code).toBe(code)
    expect(performance.now() - start).toBeLessThan(5000)
    expect(run.stdout.endsWith('\n')).toBe(true)
    expect(run.messages).toHaveLength(run.lines.length)
    expect(run.stderr).not.toMatch(/^ERROR|^CRITICAL|^\s+at /m)
    expectTrueStates(run, rowTimes(world.simulator))
    world.simulator.script.clear()
    const rest = await world.run({ state: run.state })
    expect(rest.code).toBe(0)
    expectComplete(world, [run, rest])
  })

test.concurrent('a run that is stopped tells what was paid for, once', async () => {
  const settings = { page_size: 10, concurrency: 2 }
  const world = await openWorld({ invoices: 120, limits: false }, settings)
  const { simulator } = world
  simulator.script.add({ hang: true, times: 0, after: 8 })
  const running = world.start()
  // Both requests that may be under way hang: the answers to all before have come.
  await expect.poll(() => simulator.stats().dataRequests, { timeout: 60_000 }).toBe(10)
  running.child.kill('SIGINT')
  const run = await running.ended
  expect(run.code).toBe(130)
  const counts = [...run.stderr.matchAll(/"http_request_count","value":(\d+)/g)]
  expect(counts.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(8)
  expect(run.stderr).toMatch(
    /^INFO 8 metered calls, 0 repeated requests\nWARNING stopped by SIGINT$/m,
  )
})

test.concurrent('a signal that comes while a 429 is waited out ends the tap too', async () => {
  const world = await openWorld({ invoices: 20, limits: false })
  const limited = new Promise<void>((resolve) => {
    world.simulator.script.onAnswer((n) => n === 2 && resolve())
  })
  world.simulator.script.add({ status: 429, times: 0, headers: { 'Retry-After': '600' } })
  const running = world.start()
  await limited
  running.child.kill('SIGTERM')
  expect((await running.ended).code).toBe(143)
})

test.concurrent('a reader that goes away ends the tap non-zero, without a stack trace', async () => {
  const world = await openWorld({ invoices: 200, limits: false }, { page_size: 20 })
  const running = world.start()
  await saw(running, '"type":"RECORD"')
  running.child.stdout?.destroy()
  const run = await running.ended
  expect(run.code).toBe(141)
  expect(run.stderr).not.toMatch(/^\s+at /m)
  expect(run.stderr).toMatch(/closed/)
})
