import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { nodeArguments } from '../fixtures/program.ts'
import { flagValues, readVersion } from './cli.ts'

const folder = mkdtempSync(join(tmpdir(), 'core-cli-'))
const PACKAGE = new URL('../package.json', import.meta.url)
const { version } = JSON.parse(readFileSync(PACKAGE, 'utf8'))

type Run = { code: number | null; stdout: string; stderr: string }

async function run(flags: string[], environment: Record<string, string> = {}): Promise<Run> {
  const child = spawn(process.execPath, nodeArguments('small', ...flags), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LOGGING_CONF_FILE: '', SINGER_SDK_LOG_CONFIG: '', ...environment },
  })
  const code = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { code: await code, stdout, stderr }
}

function file(content: unknown): string {
  const path = join(folder, `${Math.random()}.json`)
  writeFileSync(path, JSON.stringify(content))
  return path
}

test.each([[['--version']], [['--discover', '--version']]])(
  '%j prints name and version',
  async (flags) => {
    expect(await run(flags)).toEqual({ code: 0, stdout: `tap-small ${version}\n`, stderr: '' })
  },
)

test.each(['--help', '-h', 'help'])('%s prints the usage on stdout', async (flag) => {
  const { code, stdout, stderr } = await run([flag])
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(/^Reads small things\.\n\nUsage: tap-small \[flags\]\n/)
  for (const name of [
    '-c, --config',
    '-s, --state',
    '-d, --discover',
    '--about',
    '--format',
    '--version',
    '-h, --help',
  ])
    expect(stdout).toContain(name)
  expect(stdout).toContain('tap-small --discover')
  expect(stdout).not.toContain('[boolean] [default')
})

test('--about works without settings, in three formats', async () => {
  const plain = await run(['--about'])
  expect([plain.code, plain.stderr]).toEqual([0, ''])
  expect(plain.stdout).toMatch(new RegExp(`^Name: tap-small\n.*\nVersion: ${version}\n`))
  expect((await run(['--about', '--format', 'text'])).stdout).toBe(plain.stdout)

  const json = await run(['--about', '--format=json'])
  expect([json.code, json.stderr]).toEqual([0, ''])
  expect(JSON.parse(json.stdout)).toMatchObject({
    name: 'tap-small',
    version,
    settings: { required: ['key'], properties: { key: { secret: true } } },
  })

  const markdown = await run(['--about', '--format', 'markdown'])
  expect(markdown).toMatchObject({ code: 0, stderr: '' })
  expect(markdown.stdout).toContain('| `key` | string, secret | required | The key. |')
  expect((await run(['--format=text', '--about', '--format=json'])).stdout).toBe(json.stdout)
})

test.each([
  [['--unknown'], /Unknown argument: unknown/],
  [['--confg', 'x.json'], /Unknown argument: confg; did you mean --config\?$/m],
  [['--discover', '--unknown'], /Unknown argument: unknown/],
  [['--state.x', 'y'], /Unknown argument: state\.x/],
  [['-x'], /Unknown argument: x$/m],
  [['stray'], /a word that is neither a flag nor a command: stray$/m],
  [['coutn', '--by', 'day'], /neither a flag nor a command: coutn; did you mean count\?$/m],
  [['-d', 'Count'], /neither a flag nor a command: Count; did you mean count\?$/m],
  [['--config'], /Not enough arguments following: config/],
  [['-c'], /Not enough arguments following: c/],
  [['--config', '--discover'], /Not enough arguments following: config/],
  [['--state', '-d'], /Not enough arguments following: state/],
  [['--about', '--format', 'xml'], /Invalid values:\s+Argument: format, Given: "xml"/],
])('%j: exit code 2, with the usage on stderr and nothing on stdout', async (flags, failure) => {
  const { code, stdout, stderr } = await run(flags)
  expect(code).toBe(2)
  expect(stdout).toBe('')
  expect(stderr).toContain('Usage: tap-small [flags]')
  expect(stderr).toMatch(failure)
  expect(stderr).not.toMatch(/^ +at /m)
  // Once, and at the end, where it is read.
  expect(stderr.indexOf('Usage:')).toBe(stderr.lastIndexOf('Usage:'))
  expect(stderr.slice(-200)).toMatch(failure)
})

test('flags in all their forms reach the program', async () => {
  const one = file({ key: 'k' })
  const two = file({ size: 7 })
  for (const flags of [
    ['--config', one, '--config', two],
    ['-c', one, '-c', two],
    [`--config=${one}`, `-c=${two}`],
  ]) {
    const { code, stdout, stderr } = await run([...flags, '-d', '--state', '5.10'])
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toEqual({
      config: [one, two],
      state: '5.10',
      discover: true,
      size: 7,
    })
  }
  expect(JSON.parse((await run([])).stdout)).toEqual({ config: [] })
})

test('a sub-command has flags of its own, wherever its name stands', async () => {
  for (const flags of [
    ['count', '-c', 'a', '--by', 'day'],
    ['--config', 'a', 'count', '--by', 'day'],
    ['--config=a', '--by=day', 'count'],
  ])
    expect(await run(flags)).toEqual({
      code: 0,
      stdout: '{"count":"day","config":["a"]}\n',
      stderr: '',
    })
  // A value of a flag is no name of a command.
  expect((await run(['-d', '-s', 'count'])).stdout).toContain('"state":"count"')

  const help = await run(['count', '--help'])
  expect(help).toMatchObject({ code: 0, stderr: '' })
  expect(help.stdout).toMatch(/^Counts small things\.\n\nUsage: tap-small count \[flags\]\n/)
  expect(help.stdout).toContain('--by')
  expect(help.stdout).not.toContain('--discover')
  expect((await run(['--help'])).stdout).toMatch(/tap-small count +Counts small things\./)

  for (const flags of [
    ['count', '--discover'],
    ['count', 'more'],
    ['count', '--by'],
  ]) {
    const { code, stdout, stderr } = await run(flags)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain('Usage: tap-small count [flags]')
  }
  expect((await run(['count', '--bye', 'day'])).stderr).toMatch(/did you mean --by\?$/m)
  expect((await run(['--by', 'day'])).stderr).toContain('Unknown argument: by')
})

test('bad settings: every fault on a line, then CRITICAL, exit code 1, stdout empty', async () => {
  const path = file({ size: 'many', sise: 1 })
  const { code, stdout, stderr } = await run(['--config', path])
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr.split('\n')).toEqual([
    "WARNING unknown setting 'sise' is ignored; did you mean 'size'?",
    'ERROR key: is required, found nothing (Key)',
    'ERROR size: must be integer, found "many"',
    'CRITICAL 2 faults in what was given. See --about for every setting.',
    '',
  ])
})

test('bad settings where logs are JSON: the same as JSON lines', async () => {
  const { code, stderr } = await run(['--config', file({})], { LOGGING_CONF_FILE: 'x' })
  expect(code).toBe(1)
  const entries = stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(entries.map(({ level }) => level)).toEqual(['error', 'critical'])
})

test('the word ENV reads the environment', async () => {
  const environment = { TAP_SMALL_KEY: 'k', TAP_SMALL_SIZE: '9' }
  expect(JSON.parse((await run(['--config', 'ENV'], environment)).stdout)).toMatchObject({
    size: 9,
  })
  const { code } = await run(['--config', file({})], environment)
  expect(code).toBe(1)
})

test('the values of a repeatable flag are a list, whatever the parser made of them', () => {
  expect(flagValues(undefined)).toEqual([])
  expect(flagValues('a')).toEqual(['a'])
  expect(flagValues(['a', 'b'])).toEqual(['a', 'b'])
  expect(flagValues([1, ''])).toEqual(['1', ''])
})

test('the version is that of the package', () => {
  expect(readVersion(PACKAGE)).toBe(version)
})
