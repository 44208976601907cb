import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { afterAll } from 'vitest'
import { type Simulator, type SimulatorOptions, startSimulator } from '../simulator/index.ts'
import { TAP } from './pipeline.ts'

/** What takes too long for every commit: `npm run test:long`. */
export const IS_LONG: boolean = process.env.TEST_LONG !== undefined

export type TapProcess = ChildProcessByStdio<null, Readable, Readable>

/** The tap as users have it, without a shell in between, so that its process id is the tap's. */
export function startTap(args: readonly string[], nodeArgs: readonly string[] = []): TapProcess {
  const command = [...nodeArgs, TAP, ...args]
  return spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] })
}

const toEnd: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const end of toEnd.splice(0)) await end()
})

/** A company and a tap that reads it, with these settings; both gone after the tests of the file. */
export async function startReading(
  company: SimulatorOptions,
  settings: Record<string, unknown>,
): Promise<{ simulator: Simulator; tap: TapProcess; ended: Promise<Ended> }> {
  const simulator = await startSimulator({ limits: false, ...company })
  const folder = mkdtempSync(join(tmpdir(), 'tap-'))
  const config = join(folder, 'tap.json')
  const token_file = join(folder, 'token.json')
  writeFileSync(config, JSON.stringify({ ...simulator.config, token_file, ...settings }))
  const tap = startTap(['-c', config])
  let stderr = ''
  tap.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = new Promise<Ended>((resolve, reject) => {
    tap.once('error', reject)
    tap.once('close', (code) => resolve({ code, stderr }))
  })
  toEnd.push(async () => {
    tap.kill('SIGKILL')
    await simulator.close()
    rmSync(folder, { recursive: true })
  })
  return { simulator, tap, ended }
}

export type Ended = { code: number | null; stderr: string }

/** The most memory that the process has used so far, in MB. Linux. */
export function peakMegabytes({ pid }: TapProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1]) / 1024
}

/** Processor time that the process has used so far, in hundredths of a second. Linux. */
export function processorTime({ pid }: TapProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return Number(fields[11]) + Number(fields[12])
}
