import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { endRuns, folder, isAlive, startCli, startRun } from '../fixtures/start.ts'

afterAll(endRuns)

const read = (file: string): string => readFileSync(file, 'utf8')
const at = (state: string): number => JSON.parse(read(state)).bookmarks.rows.at
const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? ''
const pidOf = async (run: ReturnType<typeof startRun>, role: string): Promise<number> =>
  Number((await run.saw(new RegExp(`${role}: INFO.* pid (\\d+)`)))[1])

test('a first run makes the state file, the next one goes on from it', async () => {
  const state = join(folder(), 'new', 'state.json')
  const first = startRun({ state })
  expect(await first.ended).toBe(0)
  expect(first.stderr()).toMatch(/first run: there is no state/)
  expect(read(state)).toBe('{"bookmarks":{"rows":{"at":3}}}\n')

  const second = startRun({ state })
  expect(await second.ended).toBe(0)
  expect(second.stderr()).toMatch(/going on from the state/)
  expect(second.stderr()).toMatch(/tap: INFO begins at 3/)
  expect(at(state)).toBe(6)
  expect(second.stdout()).toBe('')
  expect(readdirSync(join(state, '..'))).toEqual(['runs', 'state.json'])
})

test('the end table sums what the programs count', async () => {
  const run = startRun({ state: join(folder(), 's.json') })
  expect(await run.ended).toBe(0)
  expect(run.stderr()).toMatch(
    /^stream +rows +loaded +calls +windows +duration\nrows +3 +3 +3 +4 +0\.5 s\ntotal +3 +3 +3 +4 +\d+\.\d s\n$/m,
  )
})

test('where logs must be JSON, every line of stderr is JSON', async () => {
  const run = startRun({ state: join(folder(), 's.json') }, { LOGGING_CONF_FILE: 'logging.yml' })
  expect(await run.ended).toBe(0)
  const lines = run.stderr().trimEnd().split('\n')
  expect(lines.length).toBeGreaterThan(8)
  for (const line of lines) expect(JSON.parse(line)).toHaveProperty('message')
  // The tap's own JSON line came through as it was.
  expect(lines.some((line) => line.startsWith('{"level":"info","message":"as JSON"'))).toBe(true)
})

test.each([
  ['the tap fails', { tap: 'exit 4' }, 4, /^CRITICAL the tap \(node\) ended with exit code 4\. /],
  [
    'some streams failed',
    { tap: 'exit 7' },
    7,
    /^WARNING the tap .* exit code 7\. The state is good/,
  ],
  ['the call limit is reached', { tap: 'exit 8' }, 8, /^WARNING the tap .* exit code 8/],
  [
    'the target fails at its end',
    { target: 'exit 5' },
    5,
    /^CRITICAL the target .* exit code 5\. /,
  ],
  [
    'the target fails midway',
    { tap: 'forever', target: 'after 5 exit 5' },
    5,
    /^CRITICAL the target \(node\) ended with exit code 5; the tap \(node\) ended with exit code 14[13]/,
  ],
  [
    'the target leaves before the tap is done',
    { tap: 'forever', target: 'after 5 exit 0' },
    141,
    /^CRITICAL the target \(node\) ended before the tap \(node\) was done/,
  ],
  [
    'the tap ends inside a line',
    { tap: `line '{"type":"REC' exit 4` },
    4,
    /^CRITICAL the tap \(node\) ended with exit code 4; the target \(node\) ended with exit code 6/,
  ],
  [
    'the tap ends inside a line, and the target before it',
    { tap: `line '{"type":"REC' closes exit 4` },
    4,
    /^CRITICAL the tap \(node\) ended with exit code 4; the target \(node\) ended with exit code 6/,
  ],
])('%s: the exit code and the last line name it', async (_, programs, code, line) => {
  const run = startRun({ ...programs, state: join(folder(), 's.json') })
  expect(await run.ended).toBe(code)
  expect(lastLine(run.stderr())).toMatch(line)
})

test('a tap that fails leaves the state of what was committed', async () => {
  const state = join(folder(), 's.json')
  expect(await startRun({ tap: 'rows 5 exit 4', state }).ended).toBe(4)
  expect(at(state)).toBe(5)
})

test.each(['tap', 'target'])(
  'a %s killed with -9 is reported so, and a next run goes on',
  async (role) => {
    const state = join(folder(), 's.json')
    const run = startRun({ tap: 'stall', state })
    const pid = await pidOf(run, role)
    await run.saw(/tap: INFO stalls/)
    process.kill(pid, 'SIGKILL')
    expect(await run.ended).toBe(137)
    expect(lastLine(run.stderr())).toMatch(
      new RegExp(`^CRITICAL the ${role} \\(node\\) was killed by SIGKILL \\(exit code 137\\)`),
    )
    const before = existsSync(state) ? at(state) : 0
    const next = startRun({ state })
    expect(await next.ended, next.stderr()).toBe(0)
    expect(at(state)).toBe(before + 3)
  },
)

test.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)(
  '%s reaches both programs once, though a terminal sends it to the group',
  async (signal, code) => {
    const run = startRun({
      tap: 'stall lingers',
      target: 'lingers',
      state: join(folder(), 's.json'),
    })
    const pids = [await pidOf(run, 'tap'), await pidOf(run, 'target')]
    await run.saw(/tap: INFO stalls/)
    process.kill(-run.pid, signal)
    expect(await run.ended).toBe(code)
    const got = [...run.stderr().matchAll(/^(tap|target): INFO got SIG\w+$/gm)].map(
      ([line]) => line,
    )
    expect(got.sort()).toEqual([`tap: INFO got ${signal}`, `target: INFO got ${signal}`])
    expect(lastLine(run.stderr())).toBe(`WARNING stopped by ${signal}`)
    expect(pids.filter(isAlive)).toEqual([])
  },
)

test('a terminal that closes stops the run as SIGTERM does', async () => {
  const run = startRun({ tap: 'stall', state: join(folder(), 's.json') })
  await run.saw(/tap: INFO stalls/)
  process.kill(-run.pid, 'SIGHUP')
  expect(await run.ended).toBe(process.platform === 'linux' ? 143 : 'SIGHUP')
})

test.concurrent('programs that do not heed a signal are killed within 10 seconds', async () => {
  const run = startRun({ tap: 'deaf stall', target: 'deaf', state: join(folder(), 's.json') })
  const pids = [await pidOf(run, 'tap'), await pidOf(run, 'target')]
  await run.saw(/tap: INFO stalls/)
  process.kill(run.pid, 'SIGTERM')
  expect(await run.ended).toBe(143)
  expect(lastLine(run.stderr())).toBe('WARNING stopped by SIGTERM')
  expect(pids.filter(isAlive)).toEqual([])
})

test.concurrent('a tap that does not heed the end of its target is killed', async () => {
  const state = join(folder(), 's.json')
  const run = startRun({ tap: 'deaf stall', target: 'after 3 exit 5', state })
  const pid = await pidOf(run, 'tap')
  expect(await run.ended).toBe(5)
  expect(isAlive(pid)).toBe(false)
})

test('when singer-run itself is killed with -9, both programs end on their own', async () => {
  const state = join(folder(), 's.json')
  const run = startRun({ tap: 'forever', state })
  const pids = [await pidOf(run, 'tap'), await pidOf(run, 'target')]
  await expect.poll(() => existsSync(state), { timeout: 10_000 }).toBe(true)
  process.kill(run.pid, 'SIGKILL')
  expect(await run.ended).toBe('SIGKILL')
  await expect.poll(() => pids.filter(isAlive), { timeout: 10_000 }).toEqual([])
  expect(at(state)).toBeGreaterThan(0)
  expect(await startRun({ state }).ended).toBe(0)
})

test('a target that reads no more holds the tap, and a stop ends both', async () => {
  const run = startRun({
    tap: 'forever width 10000',
    target: 'stop-reading',
    state: join(folder(), 's.json'),
  })
  await run.saw(/target: INFO reads no more/)
  process.kill(run.pid, 'SIGTERM')
  expect(await run.ended).toBe(143)
})

test.runIf(process.platform === 'linux')('no row passes through singer-run', async () => {
  const state = join(folder(), 's.json')
  const run = startRun({ tap: 'rows 2000 width 50000 state 500 stall', state })
  await run.saw(/tap: INFO stalls/)
  const bytesRead = Number(/rchar: (\d+)/.exec(read(`/proc/${run.pid}/io`))?.[1])
  // 100 MB went from tap to target; what singer-run read is its own code.
  expect(bytesRead).toBeLessThan(40_000_000)
  process.kill(run.pid, 'SIGTERM')
  await run.ended
})

test('all faults of the flags are told at once, before anything starts', async () => {
  const run = startCli(['--tap', 'no-such-tap --config x', '--target', 'cat "a'])
  expect(await run.ended).toBe(1)
  expect(run.stderr()).toMatch(/^ERROR --tap: the command no-such-tap is not found/m)
  expect(run.stderr()).toMatch(/^ERROR --target: the quote " is never closed/m)
  expect(run.stderr()).toMatch(/^ERROR --state: is required, found nothing/m)
  expect(lastLine(run.stderr())).toMatch(/^CRITICAL 3 faults in what was given/)
})

test('a tap that is given a state of its own is refused', async () => {
  const run = startCli(['--tap', 'cat --state x', '--target', 'cat', '--state', 's.json'])
  expect(await run.ended).toBe(1)
  expect(run.stderr()).toMatch(/--tap: names --state itself/)
})

test('an unknown flag: usage, exit 2', async () => {
  const run = startCli(['--taps', 'x'])
  expect(await run.ended).toBe(2)
  expect(run.stderr()).toMatch(/Usage: singer-run/)
})

test.each(['tap', 'target'])(
  'a %s that cannot be started is told, and the other one ends',
  async (role) => {
    const place = folder()
    const broken = join(place, 'broken')
    writeFileSync(broken, '#!/no/such/interpreter\n')
    chmodSync(broken, 0o755)
    const commands = { tap: 'cat /dev/null', target: 'cat', [role]: broken }
    const run = startCli([
      ...['--tap', commands.tap, '--target', commands.target],
      ...['--state', join(place, 's.json')],
    ])
    expect(await run.ended).toBe(1)
    expect(run.stderr()).toMatch(
      new RegExp(`--${role}: the ${role} \\(broken\\) cannot be started`),
    )
  },
)

test('any program that speaks Singer will do', async () => {
  const place = folder()
  const messages = join(place, 'messages')
  writeFileSync(messages, '{"bookmarks":{"x":1}}\n')
  const run = startCli([
    ...['--tap', `cat '${messages}'`, '--target', 'cat'],
    ...['--state', join(place, 's.json')],
  ])
  expect(await run.ended).toBe(0)
  expect(read(join(place, 's.json'))).toBe('{"bookmarks":{"x":1}}\n')
  expect(run.stderr()).toMatch(/^total +- +- +- /m)
})
