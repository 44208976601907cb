import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { EVERY, startEvery } from './every.ts'

const DAY_MS = 86_400_000
let env: { TMPDIR: string }
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'every-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  env = { TMPDIR: folder }
})

/** What the health check says. */
async function health(): Promise<[number | undefined, string]> {
  const { exitCode, stdout } = await execa(EVERY, ['health'], { env, reject: false })
  return [exitCode, stdout]
}

/** Milliseconds from the end of a run to the next, as it was told. */
const pauseOf = (told: string, endedMs: number): number =>
  Date.parse(/next run at (\S+)/.exec(told)?.[1] ?? '') - endedMs

test('a failing run is told, unhealthy until a good one, and does not end the scheduler', async () => {
  const script = 'test -e good || exit 5'
  const { running, heard } = startEvery([EVERY, '0.05', 'sh', '-c', script], env, env.TMPDIR)
  await heard(/every: sh FAILED \(exit 5\); next run at \d{4}-.*Z\n/, 2)
  expect(await health()).toEqual([1, 'The last run failed: exit 5'])
  writeFileSync(join(env.TMPDIR, 'good'), '')
  await heard(/every: sh has ended well; next run/)
  expect(await health()).toEqual([0, ''])
  running.kill('SIGTERM')
  expect(await running).toMatchObject({ exitCode: 143 })
})

test('before any run has ended well, a failed one comes again after five minutes', async () => {
  const began = Date.now()
  const failing = startEvery([EVERY, '86400', 'false'], env)
  const told = await failing.heard(/FAILED \(exit 1\); next run at .*\n/)
  expect(pauseOf(told, began)).toBeGreaterThanOrEqual(300_000)
  expect(pauseOf(told, Date.now())).toBeLessThanOrEqual(300_000)
  failing.running.kill('SIGTERM')
  await failing.running
})

test('healthy is what has ended well within two intervals, and a day more than one', async () => {
  const file = join(env.TMPDIR, 'every.json')
  for (const [seconds, days] of [
    ['1', 1],
    ['86400', 2],
    ['604800', 14],
  ] as const) {
    const before = Date.now()
    const { running, heard } = startEvery([EVERY, seconds, 'true'], env)
    await heard(/has ended well/)
    running.kill('SIGTERM')
    await running
    const report = JSON.parse(readFileSync(file, 'utf8'))
    const least = before + days * DAY_MS
    expect(report.healthyUntil).toBeGreaterThanOrEqual(least)
    // The second is that of the shortest interval.
    expect(report.healthyUntil - least).toBeLessThanOrEqual(Date.now() - before + 1000)
    expect(await health()).toEqual([0, ''])
    const since = Date.parse('2026-01-01')
    writeFileSync(file, JSON.stringify({ since, healthyUntil: Date.now() - 1 }))
    expect(await health()).toEqual([1, 'No run has ended well since 2026-01-01T00:00:00.000Z'])
  }
})

test('SIGTERM and SIGINT end the scheduler between runs at once, and in a run with its command', async () => {
  const idle = startEvery([EVERY, '86400', 'true'], env)
  await idle.heard(/ended well/)
  idle.running.kill('SIGINT')
  expect(await idle.running).toMatchObject({ exitCode: 130 })

  const script = 'trap "echo stored; exit 143" TERM; echo begun; while :; do read -t 9 x; done'
  const busy = startEvery([EVERY, '0.01', 'bash', '-c', `${script} < <(tail -f /dev/null)`], env)
  await busy.heard(/begun/)
  busy.running.kill('SIGTERM')
  const ended = await busy.running
  expect(ended.all).toMatch(/^begun\nstored\nevery: stopped by SIGTERM$/)
  expect(ended.exitCode).toBe(143)
})

test('a command that is not there is a failed run', async () => {
  const { running, heard } = startEvery([EVERY, '1000', 'no-such-program'], env)
  await heard(/FAILED \(spawn no-such-program ENOENT\)/)
  running.kill('SIGTERM')
  await running
})

test.each([
  [[], 'SECONDS is nothing'],
  [['5'], 'COMMAND is missing'],
  ...[
    '',
    ' ',
    'soon',
    '0',
    '0.0',
    '-5',
    '+5',
    '1e3',
    '0x10',
    '5s',
    '5,5',
    '2147484',
    'Infinity',
  ].map(
    (text) => [[text, 'true'], `SECONDS is ${JSON.stringify(text)}, and must be a number`] as const,
  ),
] as [string[], string][])('%j is refused', async (args, said) => {
  const ended = await startEvery([EVERY, ...args], env).running
  expect(ended.exitCode).toBe(2)
  expect(ended.all).toContain(`every: ${said}`)
})
