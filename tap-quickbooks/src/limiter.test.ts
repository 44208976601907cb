import { expect, test } from 'vitest'
import { createLimiter, createSlots } from './limiter.ts'

const { signal } = new AbortController()

async function starts(count: number, requestsPerMinute: number): Promise<number[]> {
  const limiter = createLimiter(requestsPerMinute)
  const turns = Array.from({ length: count }, async () => {
    await limiter.start(signal)
    return performance.now()
  })
  return Promise.all(turns)
}

test('never more than ten requests start within a second', async () => {
  const times = await starts(25, 500)
  expect(times).toEqual([...times].sort((a, b) => a - b))
  for (let n = 10; n < times.length; n++)
    expect((times[n] as number) - (times[n - 10] as number)).toBeGreaterThanOrEqual(1000)
})

test.each(['sent', 'answered'] as const)(
  'a first request counts from when it is %s',
  async (when) => {
    let ahead = 0
    const limiter = createLimiter(500, () => performance.now() + ahead)
    const turns = await Promise.all(Array.from({ length: 10 }, () => limiter.start(signal)))
    ahead = 900
    for (const turn of turns) turn[when]()
    const begin = performance.now()
    await limiter.start(signal)
    expect(performance.now() - begin).toBeGreaterThanOrEqual(1000)
  },
)

test('later requests do not count from their answers', async () => {
  let ahead = 0
  const limiter = createLimiter(500, () => performance.now() + ahead)
  const first = await limiter.start(signal)
  first.answered()
  const turns = await Promise.all(Array.from({ length: 9 }, () => limiter.start(signal)))
  ahead = 3000
  for (const turn of turns) turn.answered()
  const begin = performance.now()
  await limiter.start(signal)
  expect(performance.now() - begin).toBeLessThan(900)
})

test('a request waits for its minute, and a signal ends the wait', async () => {
  const limiter = createLimiter(3)
  const stop = new AbortController()
  for (let n = 0; n < 3; n++) await limiter.start(stop.signal)
  const fourth = limiter.start(stop.signal)
  stop.abort()
  await expect(fourth).rejects.toThrow(/abort/i)
})

test('a pause stops every request, those that wait already too', async () => {
  const limiter = createLimiter(500)
  const start = performance.now()
  const turns = [limiter.start(signal)]
  limiter.pause(0.2)
  turns.push(limiter.start(signal))
  await Promise.all(turns)
  expect(performance.now() - start).toBeGreaterThanOrEqual(195)
})

test('slots let so many tasks run at a time, in the order of asking, also after a failure', async () => {
  const inSlot = createSlots(2)
  const order: number[] = []
  let running = 0
  let most = 0
  const tasks = [1, 2, 3, 4, 5].map((n) =>
    inSlot(async () => {
      order.push(n)
      most = Math.max(most, ++running)
      await new Promise(setImmediate)
      running--
      if (n === 2) throw new Error('two')
    }),
  )
  const results = await Promise.allSettled(tasks)
  expect(results.map(({ status }) => status === 'fulfilled')).toEqual([
    true,
    false,
    true,
    true,
    true,
  ])
  expect([order, most, running]).toEqual([[1, 2, 3, 4, 5], 2, 0])
})
