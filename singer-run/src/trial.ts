import { type Check, EXIT, type Life, readCheck } from '@singer-io-ts/core'
import { execa } from 'execa'
import type { Role } from './metrics.ts'
import { findProgram, type Program } from './program.ts'
import { redactForeignText } from './redact.ts'
import { versionOf } from './version.ts'

/** What is known of a program once it was looked at. */
export type Trial = {
  checks: Check[]
  /** The company of its settings. */
  realmId: string | undefined
  /** How many tables a target has already. */
  tables?: number | undefined
  /** One of this family, which can be asked for more than its version. */
  isOurs: boolean
}

type Environment = Life['environment']

/** What `--test` of our own programs looks at, in this order. */
const LOOKED_AT: Record<Role, { name: string; checks: string[] }> = {
  tap: { name: 'tap-quickbooks', checks: ['settings', 'token', 'company', 'clock'] },
  target: { name: 'target-postgres-raw', checks: ['settings', 'connection', 'server', 'rights'] },
}

/** Whoever is asked for a version answers sooner than that. */
const VERSION_MS = 20_000
const TEST_MS = 180_000

/** What a program has started may hold its pipes for ever: read on no longer after its end. */
const PIPE_MS = 2000

/** Tries one program of the pipe, by `--version` and, if it is one of ours, by `--test`. */
export async function tryProgram(
  role: Role,
  line: string,
  { environment, signal }: Life,
): Promise<Trial> {
  const faults: string[] = []
  const program = findProgram(role, line, environment, faults)
  const unknown = { realmId: undefined, isOurs: false }
  const fail = (found: string): Check => ({ check: 'program', outcome: 'fail', found })
  if (faults.length > 0)
    return { ...unknown, checks: faults.map((fault) => fail(fault.replace(/^--\w+: /, ''))) }

  const asked = await ask(program, '--version', VERSION_MS, signal, environment)
  const [line1 = ''] = asked.stdout.trim().split('\n')
  const version = redactForeignText(line1).slice(0, 100)
  if (asked.failure !== undefined)
    return {
      ...unknown,
      checks: [
        {
          ...fail(`${program.file} cannot be started (${asked.failure})`),
          todo: 'Is it a program for this machine, and the interpreter in its first line there?',
        },
      ],
    }
  const isSurelyOurs = versionOf(program.file)?.startsWith(`${LOOKED_AT[role].name} `) === true
  if (isSurelyOurs && asked.code !== 0)
    return { ...unknown, checks: [fail(lastLine(asked) ?? `--version ${describeCode(asked)}`)] }
  const found: Check =
    asked.code === 0 && version !== ''
      ? { check: 'program', outcome: 'ok', found: `${version} (${program.file})` }
      : { check: 'program', outcome: 'warn', found: `${program.file} does not tell its version` }
  if (!isSurelyOurs && !(await isOurs(role, program, version, signal, environment)))
    return { ...unknown, checks: [found, NOT_OURS] }
  const tested = await ask(program, '--test', TEST_MS, signal, {
    ...environment,
    SINGER_CHECKS: 'json',
  })
  const checks = readTest(role, tested)
  const realmId = checks.find(({ realm_id }) => realm_id !== undefined)?.realm_id
  const tables = checks.find((check) => check.tables !== undefined)?.tables
  return { checks: [found, ...checks], realmId, tables, isOurs: true }
}

const NOT_OURS: Check = {
  check: 'settings',
  outcome: 'warn',
  found: 'not checked: it is a program of others',
  todo: 'Try it by itself',
}

/** Another tap-quickbooks may take --test for something else. */
async function isOurs(
  role: Role,
  program: Program,
  version: string,
  signal: AbortSignal,
  environment: Environment,
): Promise<boolean> {
  const { name } = LOOKED_AT[role]
  if (!version.startsWith(`${name} `)) return false
  const about = { ...program, args: [...program.args, '--about'] }
  const { stdout } = await ask(about, '--format=json', VERSION_MS, signal, environment)
  try {
    const told = JSON.parse(stdout) as Record<string, unknown>
    return told.name === name && told.sdk_version === null
  } catch {
    return false
  }
}

type Answer = { code: number | undefined; failure?: string; stdout: string; stderr: string }

async function ask(
  { file, args }: Program,
  flag: string,
  timeout: number,
  signal: AbortSignal,
  environment: Environment,
): Promise<Answer> {
  const running = execa(file, [...args, flag], {
    // Lines for people can be read here, too.
    env: { ...environment, LOGGING_CONF_FILE: undefined, SINGER_SDK_LOG_CONFIG: undefined },
    extendEnv: false,
    stdin: 'ignore',
    reject: false,
    timeout,
    forceKillAfterDelay: 2000,
    cancelSignal: signal,
    maxBuffer: 1024 * 1024,
  })
  let grace: NodeJS.Timeout | undefined
  running.once('exit', () => {
    // At once after one more look at what has come.
    const letGo = (): void => {
      running.stdout.destroy()
      running.stderr.destroy()
    }
    grace = setTimeout(() => setImmediate(letGo), PIPE_MS)
  })
  const ended = await running
  clearTimeout(grace)
  signal.throwIfAborted()
  const { exitCode: code, stdout, stderr } = ended
  if (ended.timedOut)
    return { code, stdout, stderr: `CRITICAL no answer within ${timeout / 1000} s` }
  const isStarted = code !== undefined || ended.signal !== undefined
  return isStarted || ended.isMaxBuffer
    ? { code, stdout, stderr }
    : { code, stdout, stderr, failure: ended.originalMessage ?? 'for an unknown reason' }
}

/** What `--test` told, and what its end says of the check that it was at. */
function readTest(role: Role, answer: Answer): Check[] {
  const { code, stderr } = answer
  const lines = stderr.split('\n').flatMap((line) => readLine(line) ?? [])
  const told = lines.flatMap(({ message }) => readCheck(message) ?? [])
  const said = (level: string): string[] =>
    lines.flatMap((line) => (line.level === level ? [line.message] : []))
  const open = LOOKED_AT[role].checks.filter((name) => !told.some(({ check }) => check === name))
  const [at = 'test', ...rest] = open
  const failed = (found: string): Check => ({ check: at, outcome: 'fail', found })
  const checks = [...told]
  if (code === EXIT.done && told.length === 0)
    checks.push(failed('--test ended well, but told of no check'))
  if (code !== EXIT.done && !told.some(({ outcome }) => outcome === 'fail')) {
    const last = said('critical').at(-1) ?? lastLine(answer) ?? `--test ${describeCode(answer)}`
    const faults = code === EXIT.config ? said('error') : []
    checks.push(...(faults.length > 0 ? faults : [last]).map(failed))
    for (const check of rest)
      checks.push({
        check,
        outcome: 'warn',
        found: `not checked, because the check of ${at} failed`,
      })
  }
  // Of several tries the end tells.
  for (const warning of said('warning').filter((text) => !/; try \d+ of \d+ in /.test(text)))
    checks.push({ check: 'says', outcome: 'warn', found: warning })
  return checks
}

/** What a program said last, less the level. */
function lastLine({ stderr }: Answer): string | undefined {
  const last = stderr.trimEnd().split('\n').at(-1)
  return last === undefined || last === '' ? undefined : (readLine(last)?.message ?? last)
}

function describeCode({ code }: Answer): string {
  return `ended with exit code ${code ?? 'unknown'}`
}

/** Level and message of a log line, a text line or a JSON one. */
function readLine(line: string): { level: string; message: string } | undefined {
  if (line.startsWith('{'))
    try {
      const { level, message } = JSON.parse(line) as Record<string, unknown>
      return { level: String(level), message: String(message) }
    } catch {
      return undefined
    }
  const [, level, message] = /^([A-Z]+) (.*)$/.exec(line) ?? []
  return level === undefined || message === undefined
    ? undefined
    : { level: level.toLowerCase(), message }
}
