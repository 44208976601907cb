/** One run of the target as a process that may be killed at a system call. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { TARGET } from '../pipeline.ts'

/** The calls at which a process can be stopped; strace counts them for each thread of its own. */
export const CALLS = {
  sends: 'writev,sendto,sendmsg',
  writes: 'write',
  waits: 'read,epoll_wait,epoll_pwait',
} as const
export type Calls = keyof typeof CALLS

export type Signal = 'KILL' | 'TERM' | 'INT'
export type SyscallBlow = { calls: Calls; signal: Signal; when: number }

export type Run = {
  process: ChildProcess
  /** The whole lines on stdout so far. */
  printed(): string[]
  ended: Promise<Ended>
}
export type Ended = {
  code: number | null
  signal: NodeJS.Signals | null
  /** What stood on stdout after the last whole line. */
  rest: string
  log: string
  seconds: number
}

/** Whether strace is there, may trace, and kills. */
export function hasStrace(): boolean {
  const [command, ...flags] = inject({ calls: 'writes', signal: 'KILL', when: 1 })
  return spawnSync(command, [...flags, 'sh', '-c', 'echo']).signal === 'SIGKILL'
}

export function startRun(config: string, input: string, blow?: SyscallBlow): Run {
  const strace = blow === undefined ? [] : inject(blow)
  return start([...strace, process.execPath, TARGET, '-c', config], input)
}

/** How many of such calls a whole run makes in its main thread. */
export async function countCalls(config: string, input: string, calls: Calls): Promise<number> {
  const file = `${config}.${calls}`
  const names = CALLS[calls]
  const strace = ['strace', '-f', '-o', file, '-e', `trace=${names}`]
  const { code, log } = await start([...strace, process.execPath, TARGET, '-c', config], input)
    .ended
  if (code !== 0) throw new Error(`the run to be counted ended with ${code}: ${log}`)
  const lines = readFileSync(file, 'utf8').split('\n')
  const main = lines[0]?.split(' ')[0]
  return lines.filter((line) => line.startsWith(`${main} `) && line.includes('(')).length
}

function inject({ calls, signal, when }: SyscallBlow): [string, ...string[]] {
  const names = CALLS[calls]
  const what = `inject=${names}:signal=${signal}:when=${when}`
  // Not with --seccomp-bpf: it loses the signals.
  return ['strace', '-f', '-o', '/dev/null', '-e', `trace=${names}`, '-e', what]
}

function start([command, ...args]: string[], input: string): Run {
  const begun = performance.now()
  const child = spawn(command as string, args, { stdio: 'pipe' })
  let out = ''
  child.stdout.on('data', (data) => {
    out += data
  })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const log = text(child.stderr)
  return {
    process: child,
    printed: () => out.split('\n').slice(0, -1),
    ended: once(child, 'close').then(async ([code, signal]) => ({
      code,
      signal,
      rest: out.slice(out.lastIndexOf('\n') + 1),
      log: await log,
      seconds: (performance.now() - begun) / 1000,
    })),
  }
}
