import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Place } from './place.ts'

const ANSWERS = fileURLToPath(new URL('answers.ts', import.meta.url))

/** A simulated company in a process of its own. */
export type Company = {
  /** Writes settings of a tap with a token file of its own; gives the path. */
  tapConfig(settings?: Record<string, unknown>): string
  /** When data was asked for since the last time, in milliseconds. */
  starts(): Promise<number[]>
  /** Until it is gone, or its processor time would count as that of whatever comes next. */
  close(): Promise<void>
}

let runs = 0

export async function openCompany(place: Place, invoices: number, latencyMs = 0): Promise<Company> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', ANSWERS, String(invoices), String(latencyMs)],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  const config = await new Promise<Record<string, string>>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => reject(new Error(`the simulated company ended with ${code}`)))
    createInterface({ input: child.stdout }).once('line', (line) => resolve(JSON.parse(line)))
  })
  return {
    tapConfig(settings = {}) {
      const name = `tap-${++runs}.json`
      return place.write(name, {
        ...config,
        token_file: `${place.folder}/token-${name}`,
        ...settings,
      })
    },
    async starts() {
      const answer = await fetch(`${config.base_url}/starts`)
      return (await answer.json()) as number[]
    },
    async close() {
      const gone = once(child, 'close')
      child.stdin.end()
      await gone
    },
  }
}
