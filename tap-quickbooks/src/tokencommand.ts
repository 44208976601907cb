import { constants } from 'node:os'
import type { Log } from '@singer-io-ts/core'
import type { Config } from './config.ts'
import { ConnectionRefusedError } from './errors.ts'
import { retry } from './retry.ts'

type Parts = { log: Log; signal: AbortSignal }

/** Between asking a program to end and killing it. */
const STOP_MS = 1000

/** Far more than a refresh token, or than a person reads in a log. */
const MOST_CHARACTERS = 100_000

/** The refresh token that the user's program prints; undefined when it prints nothing. */
export async function readTokenCommand(config: Config, parts: Parts): Promise<string | undefined> {
  const token = (await run(config, '', parts)).trim()
  if (/\s/.test(token))
    throw new ConnectionRefusedError(
      'token_command prints several words or lines, where a refresh token belongs',
      { hint: HINT },
    )
  if (!/^[\x21-\x7e]*$/.test(token))
    throw new ConnectionRefusedError(
      'token_command prints characters that no refresh token has (is it UTF-16?)',
      { hint: HINT },
    )
  return token === '' ? undefined : token
}

/** Gives the refresh token to the user's program, up to max_attempts times. */
export function storeWithTokenCommand(config: Config, token: string, parts: Parts): Promise<void> {
  parts.log.hide(token)
  return retry(
    {
      maxAttempts: config.maxAttempts,
      backoffSeconds: config.backoffSeconds,
      ...parts,
      what: 'storing the refresh token',
      isRetryable: (thrown) => thrown instanceof ConnectionRefusedError,
    },
    async () => {
      await run(config, `${token}\n`, parts)
    },
  )
}

const HINT =
  'It must print the refresh token when its stdin is empty, and store the one on its stdin ' +
  'otherwise; with log_level debug its stderr is shown.'

/** Runs it by the shell, to its end or to `timeout_seconds`; gives its stdout, which no log shows. */
async function run(config: Config, input: string, { log, signal }: Parts): Promise<string> {
  const { execa } = await import('execa')
  signal.throwIfAborted()
  const isGroup = process.platform !== 'win32'
  const running = execa(config.tokenCommand ?? '', {
    shell: true,
    input,
    reject: false,
    stripFinalNewline: false,
    cleanup: false,
    maxBuffer: MOST_CHARACTERS,
    // A program may say as much as it likes on stderr, of which the beginning is shown.
    buffer: { stderr: false },
    windowsHide: true,
    // A group of its own: what the shell has started ends with it.
    detached: isGroup,
  })
  let stderr = ''
  running.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text.slice(0, MOST_CHARACTERS - stderr.length)
  })
  const send = (how: NodeJS.Signals): void => {
    try {
      if (running.pid !== undefined) process.kill(isGroup ? -running.pid : running.pid, how)
    } catch {
      // It has gone already.
    }
  }
  const kill = () => send('SIGKILL')
  let giveUp: (nothing: undefined) => void = () => {}
  const givenUp = new Promise<undefined>((resolve) => {
    giveUp = resolve
  })
  let isStopped = false
  const timers: NodeJS.Timeout[] = []
  const stop = () => {
    isStopped = true
    send('SIGTERM')
    // Whoever has left the group may hold the pipes open: nobody waits for that.
    timers.push(setTimeout(kill, STOP_MS), setTimeout(giveUp, 2 * STOP_MS, undefined))
  }
  timers.push(setTimeout(stop, config.timeoutMs))
  signal.addEventListener('abort', stop)
  process.on('exit', kill)
  const result = await Promise.race([running, givenUp])
  for (const timer of timers) clearTimeout(timer)
  signal.removeEventListener('abort', stop)
  process.off('exit', kill)
  if (isStopped) kill()

  const stdout = result?.stdout ?? ''
  // A part of a token is as secret.
  for (const line of [stdout, ...stdout.split('\n')]) log.hide(line)
  for (const line of stderr.split('\n'))
    if (line.trim() !== '') log.debug(`token_command: ${line.trim()}`)
  signal.throwIfAborted()
  if (isStopped) throw failure(input, `did not end within ${config.timeoutSeconds} s`)
  if (result?.isMaxBuffer) throw failure(input, 'prints far more than a refresh token')
  const killer = result?.signal ?? signalOf(result?.exitCode)
  if (killer !== undefined) throw failure(input, `was ended by ${killer}`)
  if (result?.exitCode !== 0)
    throw failure(input, `ended with exit code ${result?.exitCode ?? result?.code ?? 'unknown'}`)
  return stdout
}

/** A shell ends with 128 and the signal that its program was ended by. */
function signalOf(exitCode = 0): string | undefined {
  return Object.entries(constants.signals).find(([, number]) => exitCode === 128 + number)?.[0]
}

function failure(input: string, what: string): ConnectionRefusedError {
  const task = input === '' ? 'print the refresh token' : 'store the new refresh token'
  return new ConnectionRefusedError(`token_command, which was to ${task}, ${what}`, { hint: HINT })
}
