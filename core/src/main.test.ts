import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { existsSync, openSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { nodeArguments } from '../fixtures/program.ts'
import { LAST_MOMENT_MS } from './main.ts'

type Child = ChildProcessByStdio<null, Readable, Readable>

function start(way: string, environment: Record<string, string> = {}): Child {
  const child = spawn(process.execPath, nodeArguments('life', way), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LOGGING_CONF_FILE: '', SINGER_SDK_LOG_CONFIG: '', ...environment },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** The exit code, or the name of the signal that killed it. */
const end = (child: Child): Promise<number | string> =>
  new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? code ?? -1)))

async function run(
  way: string,
  environment: Record<string, string> = {},
): Promise<{ code: number | string; stdout: string; stderr: string[] }> {
  const child = start(way, environment)
  const [code, stdout, stderr] = await Promise.all([
    end(child),
    text(child.stdout),
    text(child.stderr),
  ])
  return { code, stdout, stderr: lines(stderr) }
}

const lines = (output: string): string[] => output.split('\n').slice(0, -1)

/** Reads stderr from now on; `saw` resolves as soon as it holds the text. */
function watch(child: Child): { saw(wanted: string): Promise<void>; lines(): string[] } {
  let seen = ''
  const looks: (() => void)[] = []
  child.stderr.setEncoding('utf8').on('data', (more) => {
    seen += more
    for (const look of looks) look()
  })
  return {
    lines: () => lines(seen),
    saw: (wanted) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (seen.includes(wanted)) resolve()
        }
        looks.push(look)
        look()
      }),
  }
}

test('a body that ends well ends the process with its code, its lines written', async () => {
  expect(await run('lines')).toEqual({ code: 0, stdout: 'line 0\nline 1\nline 2\n', stderr: [] })
  expect(await run('code7')).toEqual({ code: 7, stdout: 'line\n', stderr: [] })
})

test.each([
  ['large', 0],
  ['largeThenError', 4],
  ['largeThenUncaught', 70],
])(
  'nothing is lost in stdout when the process ends while the reader is slow: %s',
  async (way, code) => {
    const child = start(way)
    const ended = end(child)
    // Nobody reads stdout before everything was written.
    await watch(child).saw('all is written')
    const bytes = await buffer(child.stdout)
    expect(bytes.length).toBe(5_000_000 + '\nlast\n'.length)
    expect(bytes.subarray(-6).toString()).toBe('\nlast\n')
    expect(await ended).toBe(code)
  },
)

test.each([
  ['muchLog', 4, 'CRITICAL the source failed'],
  ['muchLogThenUncaught', 70, 'CRITICAL a fault of the program itself: boom'],
])('the last line of the log is not lost when its reader is slow: %s', async (way, code, last) => {
  const child = start(way)
  const ended = end(child)
  await new Promise((resolve) => child.stdout.once('data', resolve))
  const stderr = lines(await text(child.stderr))
  expect(stderr).toHaveLength(10_001)
  expect(stderr.at(-1)).toContain(last)
  expect(await ended).toBe(code)
})

test.each([
  [
    'configFaults',
    1,
    ['ERROR a: is wrong', 'ERROR b: is wrong', 'CRITICAL 2 faults in what was given. See --about.'],
  ],
  ['configFault', 1, ['ERROR a: is wrong', 'CRITICAL 1 fault in what was given']],
  ['singerError', 5, ['CRITICAL the table is locked: 55P03. Try again.']],
])(
  'an expected end (%s) has its code and a last line that is CRITICAL, no stack',
  async (way, code, stderr) => {
    expect(await run(way)).toMatchObject({ code, stderr })
  },
)

test.each([
  ['plainError', 'x is not a function'],
  ['uncaught', 'boom'],
  ['rejection', 'boom'],
  ['rejectionOfNothing', 'undefined was thrown'],
  ['rejectionBeforeTheEnd', 'boom'],
  ['twoAtOnce', 'boom'],
  ['hangForNothing', 'waits for what can no longer come'],
])(
  'a fault of the program itself (%s) ends with 70 and one CRITICAL line',
  async (way, message) => {
    const { code, stderr } = await run(way)
    expect(code).toBe(70)
    expect(stderr).toHaveLength(1)
    expect(stderr[0]).toMatch(
      new RegExp(
        `^CRITICAL a fault of the program itself: ${message} \\((at .*|no place)\\)\\. Please report it with this line; the state is good$`,
      ),
    )
  },
)

test.each(['plainError', 'uncaught', 'rejection', 'singerError'])(
  'the stack is shown at debug level, before the last line: %s',
  async (way) => {
    const { stderr } = await run(way, { LEVEL: 'debug' })
    expect(stderr[0]).toMatch(/^DEBUG \w*Error: /)
    expect(stderr.filter((line) => /^ +at .*life\.ts/.test(line))).not.toEqual([])
    expect(stderr.at(-1)).toMatch(/^CRITICAL /)
  },
)

test('what was gathered is written out also after an uncaught exception', async () => {
  expect((await run('uncaught')).stdout).toBe('line\n')
  expect((await run('singerError')).stdout).toBe('line\n')
})

test('where logs must be JSON the last line is JSON of that level', async () => {
  const { code, stderr } = await run('singerError', { LOGGING_CONF_FILE: 'x' })
  expect(code).toBe(5)
  expect(JSON.parse(stderr.at(-1)!)).toMatchObject({ level: 'critical', app_name: 'tap-x' })
})

test('No secret reaches any line of the log', async () => {
  for (const environment of [{}, { LEVEL: 'debug' }, { LOGGING_CONF_FILE: 'x', LEVEL: 'debug' }]) {
    const { code, stderr } = await run('secret', environment)
    expect(code).toBe(70)
    expect(stderr.join('\n')).toContain('***')
    expect(stderr.join('\n')).not.toContain('hunter22')
  }
})

const SIGNALS = [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const

test.each(SIGNALS)('%s ends with %i, after what the body had to finish', async (signal, code) => {
  const child = start('stopWell')
  const ended = end(child)
  const stdout = text(child.stdout)
  const log = watch(child)
  await log.saw('ready')
  child.kill(signal)
  expect(await ended).toBe(code)
  expect(await stdout).toBe('before\nafter\n')
  expect(log.lines()).toEqual(['INFO ready', `WARNING stopped by ${signal}`])
})

test.each(['stopByOtherError', 'stopByRejection'])(
  'whatever the body throws after a signal, the signal is the reason: %s',
  async (way) => {
    const child = start(way)
    const ended = end(child)
    const log = watch(child)
    await log.saw('ready')
    child.kill('SIGTERM')
    expect(await ended).toBe(143)
    expect(log.lines().at(-1)).toBe('WARNING stopped by SIGTERM')
  },
)

test('a body that had finished when the signal came has its own code', async () => {
  const child = start('finishAfterSignal')
  const ended = end(child)
  await watch(child).saw('ready')
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
})

test.each(['hang', 'hangInWrite'])(
  'a body that hangs (%s) is ended after the last moment, with the code and the line',
  async (way) => {
    for (const [signal, code] of SIGNALS) {
      const child = start(way, { LAST_MOMENT_MS: '100' })
      const ended = end(child)
      const log = watch(child)
      await log.saw('ready')
      child.kill(signal)
      expect(await ended).toBe(code)
      expect(log.lines().at(-1)).toBe(`WARNING stopped by ${signal}`)
      child.stdout.destroy()
    }
  },
)

test('more signals do not change how it ends', async () => {
  const child = start('hangAfterStop', { LAST_MOMENT_MS: '300' })
  const ended = end(child)
  const log = watch(child)
  await log.saw('ready')
  child.kill('SIGTERM')
  // Signals that wait together are not delivered in the order in which they were sent.
  await log.saw('reason: StopError')
  child.kill('SIGINT')
  child.kill('SIGTERM')
  expect(await ended).toBe(143)
  expect(log.lines().slice(1)).toEqual(['INFO reason: StopError', 'WARNING stopped by SIGTERM'])
})

test('the last moment is before the ten seconds that were promised', () => {
  expect(LAST_MOMENT_MS).toBeLessThan(10_000)
})

test.each(['writeForEver', 'writeForEverWithoutWaiting'])(
  'a closed stdout ends the program with 141, without a stack trace: %s',
  async (way) => {
    const child = start(way)
    const ended = end(child)
    const stderr = text(child.stderr)
    await new Promise((resolve) => child.stdout.once('data', resolve))
    child.stdout.destroy()
    expect(await ended).toBe(141)
    expect(lines(await stderr)).toEqual([
      'CRITICAL the program that reads this output has closed it: write EPIPE',
    ])
  },
)

test('a closed stdout ends also a body that hangs', async () => {
  const child = start('hangAfterStop', { LAST_MOMENT_MS: '100' })
  const ended = end(child)
  const stderr = text(child.stderr)
  child.stdout.destroy()
  expect(await ended).toBe(141)
  expect(await stderr).toContain('reason: ClosedOutputError')
})

test('a closed stderr is no reason to stop', async () => {
  const child = start('logUntilNobodyReads')
  const ended = end(child)
  child.stderr.destroy()
  expect(await text(child.stdout)).toBe('done\n')
  expect(await ended).toBe(0)
})

test.runIf(existsSync('/dev/full'))(
  'a full disk under stdout is said, and no success',
  async () => {
    const child = spawn(process.execPath, nodeArguments('life', 'lines'), {
      stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
      env: { ...process.env, LOGGING_CONF_FILE: '', SINGER_SDK_LOG_CONFIG: '' },
    })
    const code = new Promise((resolve) => child.once('exit', resolve))
    const stderr = lines(await text(child.stderr as Readable))
    expect(await code).toBe(141)
    expect(stderr).toEqual([
      expect.stringMatching(/^CRITICAL the output cannot be written: ENOSPC/),
    ])
  },
)
