import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { endRuns, folder, startCli, startRun } from '../fixtures/start.ts'
import { recordNames } from './record.ts'

afterAll(endRuns)

/** The records beside a state file, oldest first, each as text. */
function recordsOf(state: string): string[] {
  const runs = join(state, '..', 'runs')
  return recordNames(readdirSync(runs), state).map((name) => readFileSync(join(runs, name), 'utf8'))
}

test('each run leaves a record of what it did, for its owner alone', async () => {
  const state = join(folder(), 's.json')
  writeFileSync(state, '{"bookmarks":{"rows":{"at":7}},"n":1.10}\n')
  const run = startRun({ tap: '--token abc', state })
  expect(await run.ended, run.stderr()).toBe(0)
  const [text = ''] = recordsOf(state)
  const record = JSON.parse(text)
  expect(record).toMatchObject({
    record: 1,
    result: 'done',
    exit_code: 0,
    state_file: state,
    folder: process.cwd(),
    tap: { exit_code: 0 },
    target: { exit_code: 0 },
    streams: [{ stream: 'rows', rows: 3, loaded: 3, calls: 3, windows: 4, seconds: 0.5 }],
    state_after: { bookmarks: { rows: { at: 10 } } },
  })
  // To the digit.
  expect(text).toContain('"state_before": {"bookmarks":{"rows":{"at":7}},"n":1.10}')
  expect(record.versions).toMatchObject({ singer_run: '0.1.0', node: process.versions.node })
  expect(record.command).toMatch(/^singer-run --tap 'node .* --token .*\*\*\*.*' --target /)
  expect(text).not.toContain('abc')
  expect(record.seconds).toBeGreaterThan(0)
  const runs = join(state, '..', 'runs')
  expect(statSync(runs).mode & 0o777).toBe(0o700)
  for (const name of readdirSync(runs)) expect(statSync(join(runs, name)).mode & 0o777).toBe(0o600)
})

test('of programs of others a record holds no values, no settings and no secrets', async () => {
  const state = join(folder(), 's.json')
  const says = ['settings: {"password":"SEKRET"}', 'INFO passwd=SEKRET', 'WARNING password: SEKRET']
  const script = `printf "INFO %s\\n%s\\n%s\\n" ${says.map((text) => `'${text}'`).join(' ')} >&2; exit 1`
  const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`
  const tap = `sh -c ${quote(script)} --pass SEKRET`
  const run = startCli(['--tap', tap, '--target', 'cat -u', '--state', state])
  expect(await run.ended).toBe(1)
  expect(run.stderr()).toMatch(/^tap: WARNING password: SEKRET$/m)
  const [text = ''] = recordsOf(state)
  expect(text).not.toContain('SEKRET')
  const { command, tap: noted } = JSON.parse(text)
  expect(command).toMatch(/^singer-run --tap '.*sh.* -c .* --pass .*' --target 'cat -u' --state /)
  expect(noted).not.toHaveProperty('settings')
  expect(noted.last_lines).toEqual([
    'INFO settings: {"password":***',
    'INFO passwd=***',
    'WARNING password:***',
  ])
})

test('the record of a failure has its last lines, and the first run no state before', async () => {
  const state = join(folder(), 's.json')
  expect(await startRun({ tap: 'exit 4', state }).ended).toBe(4)
  const record = JSON.parse(recordsOf(state)[0] ?? '')
  expect(record).toMatchObject({ result: 'failed', exit_code: 4, state_before: null })
  expect(record.message).toMatch(/^the tap \(node\) ended with exit code 4\. Its own lines/)
  expect(record.tap.last_lines[0]).toMatch(/^INFO begins at 0/)
  expect(record.target.last_lines).toBeUndefined()
})

test('a run that is stopped is recorded so; one that is killed leaves that it began', async () => {
  const state = join(folder(), 's.json')
  const stopped = startRun({ tap: 'stall', state })
  await stopped.saw(/tap: INFO stalls/)
  process.kill(stopped.pid, 'SIGTERM')
  expect(await stopped.ended).toBe(143)
  expect(JSON.parse(recordsOf(state)[0] ?? '')).toMatchObject({ result: 'stopped', exit_code: 143 })

  const killed = startRun({ tap: 'stall', state })
  await killed.saw(/tap: INFO stalls/)
  process.kill(killed.pid, 'SIGKILL')
  await killed.ended
  const record = JSON.parse(recordsOf(state)[1] ?? '')
  expect(record).toMatchObject({ result: 'running', process: { pid: killed.pid } })
  expect(record).not.toHaveProperty('ended_at')
})

test('a record that cannot be written is warned of and costs no run', async () => {
  const state = join(folder(), 's.json')
  writeFileSync(join(state, '..', 'runs'), '')
  const run = startRun({ state })
  expect(await run.ended).toBe(0)
  expect(run.stderr()).toMatch(/^WARNING no record of this run is kept: /m)
  expect(run.stderr()).not.toMatch(/error|exception/i)
})

test('the oldest records of a state file go, and no other file', async () => {
  const state = join(folder(), 's.json')
  const runs = join(state, '..', 'runs')
  mkdirSync(runs)
  const name = (number: number, stem = 's'): string =>
    `${stem}-20200101T000000Z-${number.toString(16).padStart(6, '0')}.json`
  for (let number = 0; number < 10_001; number++) writeFileSync(join(runs, name(number)), '')
  writeFileSync(join(runs, name(0, 'other')), '')
  writeFileSync(join(runs, 'mine.json'), '')
  expect(await startRun({ state }).ended).toBe(0)
  expect(readdirSync(runs)).toHaveLength(10_002)
  expect([0, 1, 2].map((number) => existsSync(join(runs, name(number))))).toEqual([
    false,
    false,
    true,
  ])
})
