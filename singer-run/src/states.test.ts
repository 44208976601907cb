import { PassThrough } from 'node:stream'
import { createLog } from '@singer-io-ts/core'
import { expect, test } from 'vitest'
import { keepStates } from './states.ts'

async function kept(...bursts: string[]): Promise<{ states: string[]; warnings: string }> {
  const states: string[] = []
  const stderr = new PassThrough()
  async function* output(): AsyncGenerator<Uint8Array> {
    for (const burst of bursts) yield Buffer.from(burst)
  }
  await keepStates(output(), async (text) => void states.push(text), createLog('test', stderr))
  return { states, warnings: String(stderr.read() ?? '') }
}

test('a state is kept to the letter, digits and all', async () => {
  const text = '{"bookmarks": {"a":1.10, "b":12345678901234567890}}'
  expect((await kept(`${text}\n`)).states).toEqual([text])
})

test('of the states that come together only the last is kept', async () => {
  expect((await kept('{"a":1}\n{"a":2}\n', '{"a"', ':3}')).states).toEqual(['{"a":2}', '{"a":3}'])
})

test.each([
  ['{}', /an empty state/],
  ['null', /null as its state/],
  ['[1]', /no object/],
  ['3', /no object/],
  ['{"a":', /not JSON/],
  ['hello', /not JSON/],
])('%s never replaces a real state, and is told once', async (line, warning) => {
  const { states, warnings } = await kept(`{"a":1}\n${line}\n${line}\n`, `${line}\n`)
  expect(states).toEqual(['{"a":1}'])
  expect(warnings).toMatch(warning)
  expect(warnings.match(/WARNING/g)).toHaveLength(1)
})
