import { closeSync, mkdtempSync, openSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { skip } from '../../dev/skip.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { start } from '../fixtures/program.ts'
import { record, schema, state, toLines } from '../fixtures/trial.ts'
import { DUE, untilDue } from './input.ts'

let database: string

beforeEach(async () => {
  database = await testDatabase()
})

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

test('an input that is a directory or cannot be opened is exit 1', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'input-'))
  const none = join(folder, 'none')
  for (const [path, why] of [
    [folder, 'it is a directory'],
    [none, 'ENOENT'],
  ] as const) {
    const target = start(['--input', path], { connection_string: database })
    const { code, out, log } = await target.ended
    expect([code, out]).toEqual([1, ''])
    expect(log).toContain(`--input ${path}: cannot be read (${why}`)
  }
  const good = join(folder, 'good.singer')
  writeFileSync(good, toLines([schema('s'), record('s', { Id: 1 }), state({ n: 1 })]))
  const read = await start(['--input', good], { connection_string: database }).ended
  expect([read.code, read.out]).toEqual([0, '{"n":1}\n'])
})

test('an input that breaks off is bad input', async (context) => {
  if (process.platform !== 'linux') skip(context, 'only Linux has a file that cannot be read')
  const { code, log } = await start(['--input', '/proc/self/mem'], {
    connection_string: database,
  }).ended
  expect([code, log.trim().split('\n').at(-1)]).toEqual([
    6,
    expect.stringMatching(/^CRITICAL --input \/proc\/self\/mem cannot be read: EIO/),
  ])
})

test('a wait of many years is none of a millisecond', async () => {
  const target = start([], { connection_string: database, batch_wait_limit_seconds: 1e9 })
  target.process.stdin.end(toLines([schema('s'), record('s', { Id: 1 }), state({ n: 1 })]))
  const { code, out, log } = await target.ended
  expect([code, out]).toEqual([0, '{"n":1}\n'])
  expect(log).not.toContain('Timeout')
})

test('a stdin that is a directory is exit 1', async () => {
  const directory = openSync(tmpdir(), 'r')
  const target = start([], { connection_string: database }, {}, directory)
  const { code, out, log } = await target.ended
  closeSync(directory)
  expect([code, out]).toEqual([1, ''])
  expect(log).toContain('stdin: cannot be read (it is a directory)')
})
