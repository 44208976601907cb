import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { type Memory, watchMemory } from './memory.ts'
import { childrenTicks, familyTicks } from './proc.ts'

/** What a program took from its start to its end, with all processes that it started. */
export type Used = Memory & {
  /** By the clock on the wall. */
  seconds: number
  /** Processor time of its processes. Linux; elsewhere not a number, like the next two. */
  cpuSeconds: number
  /** Processor time of all of Postgres meanwhile. */
  postgresSeconds: number
  /** The most memory that the largest of its processes had. */
  peakMegabytes: number
  /** Lines that it printed, where they were counted. */
  lines: number
}

export type Program = {
  /** For `sh -c`, or file and arguments. */
  command: string | readonly string[]
  env?: Record<string, string | undefined>
  /** Counts the lines that it prints; without it they are thrown away. */
  countsLines?: boolean
  /** Gets each line of its stderr. */
  onLog?: ((line: string) => void) | undefined
  /** The postmaster, whose processor time is told too. */
  postgres?: number | undefined
}

const TICKS = 100

/** Runs a program. Throws with what it said when it does not end with 0. */
export async function use(program: Program): Promise<Used> {
  const { command, env, countsLines = false, onLog, postgres } = program
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
  if (child.stderr && onLog) createInterface({ input: child.stderr }).on('line', onLog)
  const memory = watchMemory(child.pid)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  }).catch((failure) => {
    memory.stop()
    throw failure
  })
  const { peaks, quarters } = memory.stop()
  const seconds = (performance.now() - started) / 1000
  if (code !== 0) throw new Error(`${[command].flat().join(' ')}: exit ${code}\n${stderr}`)
  return {
    seconds,
    cpuSeconds: (childrenTicks('self') - cpuBefore) / TICKS,
    postgresSeconds: (familyTicks(postgres) - postgresBefore) / TICKS,
    peakMegabytes: Math.max(...Object.values(peaks)),
    peaks,
    quarters,
    lines,
  }
}
