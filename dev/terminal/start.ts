import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { onTestFinished, type TestContext } from 'vitest'
import { skip } from '../skip.ts'
import { createTerminalScreen, type TerminalScreen } from './screen.ts'

const DRIVER = fileURLToPath(new URL('./onterminal.py', import.meta.url))

/** A program on a pseudo terminal, and what is to be seen there. */
export type OnTerminal = {
  screen: TerminalScreen
  /** Every byte that came. */
  raw(): string
  /** Resolves as soon as the lines on the screen match; rejects when the program ends without. */
  saw(pattern: RegExp): Promise<void>
  resize(columns: number): void
  /** As from a keyboard. */
  type(keys: string): void
  /** The exit code. */
  ended: Promise<number | null>
}

/** Whether the system gives pseudo terminals; else the test is skipped, and says why. */
export function wantTerminal(context: TestContext): void {
  if (spawnSync('python3', ['-c', 'import pty, fcntl, termios; pty.openpty()']).status !== 0)
    skip(context, 'there is no python3 that can open a pseudo terminal here')
}

/** Runs a command line of the shell on a terminal; it goes with the test. */
export function startOnTerminal(
  command: string,
  size: { columns: number; rows: number },
  environment: Record<string, string> = {},
): OnTerminal {
  const { CI: _ci, NO_COLOR: _noColor, ...inherited } = process.env
  const args = [DRIVER, String(size.columns), String(size.rows), 'sh', '-c', `exec ${command}`]
  const driver = spawn('python3', args, {
    env: { ...inherited, TERM: 'xterm-256color', ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const screen = createTerminalScreen(size)
  let raw = ''
  const listeners = new Set<() => void>()
  driver.stdout.setEncoding('utf8').on('data', (text: string) => {
    raw += text
    screen.feed(text)
    for (const listener of listeners) listener()
  })
  driver.stdin.on('error', () => {})
  const ended = new Promise<number | null>((resolve) => driver.once('close', resolve))
  // The end of its terminal is the end of a program.
  onTestFinished(() => void driver.kill('SIGKILL'))
  return {
    screen,
    raw: () => raw,
    ended,
    saw: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!pattern.test(screen.lines().join('\n'))) return
          listeners.delete(look)
          resolve()
        }
        listeners.add(look)
        void ended.then(() => reject(new Error(`never saw ${pattern} on:\n${raw}`)))
        look()
      }),
    resize(columns) {
      screen.resize(columns)
      driver.stdin.write(`resize ${columns} ${size.rows}\n`)
    },
    type: (keys) => void driver.stdin.write(`type ${Buffer.from(keys).toString('hex')}\n`),
  }
}
