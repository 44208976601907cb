import { existsSync, readdirSync, readFileSync, utimesSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { APART, needNamespaces } from '../../dev/namespaces.ts'
import { endRuns, folder, startRun } from '../fixtures/start.ts'

afterAll(endRuns)

const read = (file: string): string => readFileSync(file, 'utf8')
const isHidden = (name: string): boolean => name.startsWith('.')
const age = (state: string) => utimesSync(join(state, '..', '.s.json.lock'), 0, 0)

test.concurrent('a second run in another container that shares the state file is refused', async (context) => {
  needNamespaces(context, APART)
  const state = join(folder(), 's.json')
  const first = startRun({ tap: 'stall', state }, {}, APART)
  await first.saw(/tap: INFO stalls/)
  const second = startRun({ state })
  expect(await second.ended).toBe(1)
  expect(second.stderr()).toContain(
    `another singer-run (process ${first.pid} on host ${hostname()}, since 2`,
  )
  expect(second.stderr()).toMatch(/^CRITICAL .*counts as abandoned 20 s after its last sign of /m)
  expect(second.stderr()).not.toContain('tap: ')
  process.kill(first.pid, 'SIGTERM')
  expect(await first.ended).toBe(143)
  expect(await startRun({ state }).ended).toBe(0)
  expect(readdirSync(join(state, '..')).filter(isHidden)).toEqual([])
}, 60_000)

test.concurrent('a run that was killed in another container is succeeded, and says what it waits for', async (context) => {
  needNamespaces(context, APART)
  const state = join(folder(), 's.json')
  const first = startRun({ tap: 'stall', state }, {}, APART)
  await first.saw(/tap: INFO stalls/)
  process.kill(first.pid, 'SIGKILL')
  await first.ended
  age(state)
  const second = startRun({ state })
  expect(await second.ended).toBe(0)
  expect(second.stderr()).toMatch(
    /^INFO waiting to see whether the singer-run that has the lock of .*s\.json \(process \d+ on host .* is still there: if it was killed, /m,
  )
}, 60_000)

test.concurrent('a run that stood still until another took its state file over does not overwrite it', async (context) => {
  needNamespaces(context, APART)
  const state = join(folder(), 's.json')
  const first = startRun({ tap: 'forever', state }, {}, APART)
  await first.saw(/tap: INFO begins/)
  await expect.poll(() => existsSync(state), { timeout: 30_000 }).toBe(true)
  process.kill(first.pid, 'SIGSTOP')
  age(state)
  const second = startRun({ state })
  expect(await second.ended).toBe(0)
  const left = read(state)
  process.kill(first.pid, 'SIGCONT')
  expect(await first.ended).toBe(1)
  expect(first.stderr()).toMatch(/^CRITICAL the state file .* is another singer-run's by now: /m)
  expect(read(state)).toBe(left)
  expect(readdirSync(join(state, '..')).filter(isHidden)).toEqual([])
}, 60_000)
