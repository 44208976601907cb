import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** What a program took from its start to its end, with all processes that it started. */
export type Used = {
  /** By the clock on the wall. */
  seconds: number
  /** Processor time of its processes. Linux; elsewhere not a number, like the next two. */
  cpuSeconds: number
  /** Processor time of all of Postgres meanwhile. */
  postgresSeconds: number
  /** The most memory that the largest of its processes had. */
  peakMegabytes: number
  /** The same by the name of the program. */
  peaks: Record<string, number>
  /** Lines that it printed, where they were counted. */
  lines: number
}

export type Program = {
  /** For `sh -c`, or file and arguments. */
  command: string | readonly string[]
  env?: Record<string, string | undefined>
  /** Counts the lines that it prints; without it they are thrown away. */
  countsLines?: boolean
  /** The postmaster, whose processor time is told too. */
  postgres?: number | undefined
}

const TICKS = 100
const LOOK_MS = 20

/** Runs a program. Throws with what it said when it does not end with 0. */
export async function use(program: Program): Promise<Used> {
  const { command, env, countsLines = false, postgres } = program
  const [file = '', ...args] = typeof command === 'string' ? ['sh', '-c', command] : command
  const cpuBefore = childrenTicks('self')
  const postgresBefore = familyTicks(postgres)
  const started = performance.now()
  const child = spawn(file, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', countsLines ? 'pipe' : 'ignore', 'pipe'],
  })
  let lines = 0
  child.stdout?.on('data', (bytes: Buffer) => {
    for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) lines++
  })
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-4000)
  })
  const peaks = new Map<number, { name: string; megabytes: number }>()
  const looking = setInterval(() => lookAt(child.pid, peaks), LOOK_MS)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  }).finally(() => clearInterval(looking))
  const seconds = (performance.now() - started) / 1000
  if (code !== 0) throw new Error(`${[command].flat().join(' ')}: exit ${code}\n${stderr}`)
  const byName: Record<string, number> = {}
  for (const { name, megabytes } of peaks.values())
    byName[name] = Math.max(byName[name] ?? 0, megabytes)
  return {
    seconds,
    cpuSeconds: (childrenTicks('self') - cpuBefore) / TICKS,
    postgresSeconds: (familyTicks(postgres) - postgresBefore) / TICKS,
    peakMegabytes: Math.max(...Object.values(byName)),
    peaks: byName,
    lines,
  }
}

/** Remembers the most memory of the process and of those below it, as far as it can be seen. */
function lookAt(
  pid: number | undefined,
  peaks: Map<number, { name: string; megabytes: number }>,
): void {
  if (pid === undefined) return
  const status = readProc(pid, 'status')
  const kilobytes = Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1] ?? Number.NaN)
  if (!Number.isNaN(kilobytes)) {
    const words = readProc(pid, 'cmdline').split('\0')
    const name = words.find((word) => !/^-|(^|\/)(node|sh|bash)$/.test(word)) ?? words[0] ?? ''
    peaks.set(pid, { name: name.replace(/^.*\//, ''), megabytes: kilobytes / 1024 })
  }
  for (const child of childrenOf(pid)) lookAt(child, peaks)
}

/** Processor time of children that have ended. */
function childrenTicks(pid: number | 'self'): number {
  const fields = statFields(pid)
  return Number(fields[13]) + Number(fields[14])
}

/** Processor time of a process, its children that live and its children that have ended. */
function familyTicks(pid: number | undefined): number {
  if (pid === undefined) return Number.NaN
  const living = childrenOf(pid).map((child) => ownTicks(child) || 0)
  return living.reduce((sum, ticks) => sum + ticks, ownTicks(pid) + childrenTicks(pid))
}

function ownTicks(pid: number): number {
  const fields = statFields(pid)
  return Number(fields[11]) + Number(fields[12])
}

function statFields(pid: number | 'self'): string[] {
  return readProc(pid, 'stat').split(') ').at(-1)?.split(' ') ?? []
}

function childrenOf(pid: number): number[] {
  return readProc(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number)
}

function readProc(pid: number | 'self', name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    // It has ended, or this is not Linux.
    return ''
  }
}
