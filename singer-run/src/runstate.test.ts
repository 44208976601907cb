import { lstatSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { endRuns, folder, startRun } from '../fixtures/start.ts'

afterAll(endRuns)

const read = (file: string): string => readFileSync(file, 'utf8')
const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? ''

test('a second run on the same state file is refused, whatever way leads to it', async () => {
  const place = folder()
  const state = join(place, 's.json')
  symlinkSync(place, `${place}-link`)
  const first = startRun({ tap: 'stall', state })
  await first.saw(/tap: INFO stalls/)
  const second = startRun({ state: join(`${place}-link`, 's.json') })
  expect(await second.ended).toBe(1)
  expect(second.stderr()).toContain(`another singer-run (process ${first.pid}, since 2`)
  expect(second.stderr()).not.toContain('tap: ')
  process.kill(first.pid, 'SIGTERM')
  expect(await first.ended).toBe(143)
  expect(await startRun({ state }).ended).toBe(0)
})

test('links that lead to no file yet are followed: one lock, and the links stay', async () => {
  const place = folder()
  const state = join(place, 'new', 's.json')
  const link = join(place, 'link.json')
  symlinkSync('other.json', link)
  symlinkSync(join('new', 's.json'), join(place, 'other.json'))
  const first = startRun({ tap: 'stall', state: link })
  await first.saw(/tap: INFO stalls/)
  const second = startRun({ state })
  expect(await second.ended).toBe(1)
  expect(second.stderr()).toContain(`another singer-run (process ${first.pid}, since 2`)
  process.kill(first.pid, 'SIGTERM')
  expect(await first.ended).toBe(143)

  expect(await startRun({ state: link }).ended).toBe(0)
  expect(readlinkSync(link)).toBe('other.json')
  expect(readlinkSync(join(place, 'other.json'))).toBe(join('new', 's.json'))
  expect(lstatSync(state).isFile()).toBe(true)
})

test('a link that leads to itself is refused', async () => {
  const state = join(folder(), 's.json')
  symlinkSync('s.json', state)
  const run = startRun({ state })
  expect(await run.ended).toBe(1)
  expect(run.stderr()).toMatch(/--state .*s\.json: cannot be kept there \(.*too many links/)
})

test.skipIf(process.platform !== 'linux')('a state under /proc is refused at once', async () => {
  const run = startRun({ state: '/proc/nope/s.json' })
  // What hangs there hangs for good, deaf to SIGTERM.
  const end = setTimeout(() => process.kill(run.pid, 'SIGKILL'), 20_000)
  expect(await run.ended).toBe(1)
  clearTimeout(end)
  expect(run.stderr()).toMatch(
    /--state \/proc\/nope\/s\.json: cannot be kept there \(ENOENT: .*mkdir '\/proc\/nope'\)/,
  )
  expect(run.stderr()).not.toMatch(/^(tap|target): /m)
})

test.each([
  ['', /the file is empty/],
  ['{"bookmarks":', /is not whole JSON/],
  ['{"a":1}\n{"a":2}\n', /holds 2 lines, not one JSON object/],
  ['[]', /is not a JSON object/],
])('a state file that holds %j is refused before anything starts', async (text, fault) => {
  const state = join(folder(), 's.json')
  writeFileSync(state, text)
  const run = startRun({ state })
  expect(await run.ended).toBe(1)
  expect(run.stderr()).toMatch(fault)
  expect(run.stderr()).toMatch(/or move the file away: everything is then read from the start/)
  expect(run.stderr()).not.toMatch(/^(tap|target): /m)
  expect(read(state)).toBe(text)
})

test.each(['{}', 'null', 'hello'])('a printed %s never replaces the state', async (text) => {
  const state = join(folder(), 's.json')
  writeFileSync(state, '{"bookmarks":{"rows":{"at":7}},"n":1.10}\n')
  const run = startRun({ tap: 'rows 0', target: `says ${text}`, state })
  expect(await run.ended).toBe(0)
  expect(read(state)).toBe('{"bookmarks":{"rows":{"at":7}},"n":1.10}\n')
  expect(run.stderr()).toMatch(/WARNING the target printed .*; the state file keeps what it holds/)
})

test('a state that cannot be written stops the run and says so', async () => {
  const state = join(folder(), 's.json')
  const run = startRun({ tap: `forever occupy '${state}'`, state })
  expect(await run.ended).toBe(1)
  expect(lastLine(run.stderr())).toMatch(/^CRITICAL the state file .* cannot be written: E/)
})
