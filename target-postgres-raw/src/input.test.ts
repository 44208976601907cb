import { expect, test } from 'vitest'
import { DUE, untilDue } from './input.ts'

test('the deadline passes also while the input is silent', async () => {
  let release: (value: number) => void = () => {}
  const silent = new Promise<number>((resolve) => {
    release = resolve
  })
  async function* input() {
    yield 1
    yield await silent
  }
  let deadline: number | undefined
  const given: unknown[] = []
  for await (const value of untilDue(input(), () => deadline, new AbortController().signal)) {
    given.push(value)
    if (value === 1) deadline = performance.now() + 5
    if (value === DUE) {
      deadline = undefined
      release(2)
    }
  }
  expect(given).toEqual([1, DUE, 2])
})

test('an abort ends the wait with its reason', async () => {
  const stop = new AbortController()
  const input = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }
  const waiting = untilDue(input, () => undefined, stop.signal).next()
  stop.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
})

test('a busy input does not put the deadline off', async () => {
  async function* input() {
    for (let at = 0; at < 3; at++) yield at
  }
  let isDue = true
  const given: unknown[] = []
  const deadline = () => (isDue ? 0 : undefined)
  for await (const value of untilDue(input(), deadline, new AbortController().signal)) {
    given.push(value)
    isDue = value !== DUE && value !== 2
  }
  expect(given).toEqual([DUE, 0, DUE, 1, DUE, 2])
})
