import { execa } from 'execa'
import { BINARIES, type Ended, type Pipeline, TAP, TARGET } from './pipeline.ts'

/** A line that verify prints for a window. */
export type WindowLine = {
  stream: string
  extract_window_start_utc: string
  extract_window_end_utc: string
  source_rows: number
  table_rows: number
  missing: number
  extra: number
  deleted: number
  stale: number
  pending: number
  source_total: string | null
  table_total: string | null
  is_equal: boolean
  missing_ids?: string[]
  extra_ids?: string[]
  stale_ids?: string[]
}

export type Verified = Ended & { windows: WindowLine[] }

/** Runs `count … | verify …` as a shell does, in the folder of the pipeline. */
export async function verify(pipeline: Pipeline, count = '--rows'): Promise<Verified> {
  const { tapConfig, targetConfig } = pipeline
  const line = `${TAP} count -c ${tapConfig} ${count} | ${TARGET} verify -c ${targetConfig}`
  return windowsOf(await shell(pipeline, `set -o pipefail; ${line}`))
}

/** Gives verify this text to read. */
export async function verifyText(pipeline: Pipeline, input: string): Promise<Verified> {
  const { targetConfig, folder } = pipeline
  const args = ['verify', '-c', targetConfig]
  return windowsOf(await execa(TARGET, args, { cwd: folder, input, reject: false }))
}

/** Runs a command line in the folder of the pipeline. */
export function shell({ folder }: Pipeline, line: string): Promise<Ended> {
  const env = { PATH: `${BINARIES}:${process.env.PATH}` }
  return execa('bash', ['-c', line], { cwd: folder, env, reject: false })
}

function windowsOf(ended: Ended): Verified {
  const lines = ended.stdout === '' ? [] : ended.stdout.split('\n')
  const all = lines.map((line) => JSON.parse(line))
  return { ...ended, windows: all.filter(({ type }) => type === undefined) }
}

/** A stream's numbers over all windows. */
export function sums(verified: Verified, stream: string): Record<string, number> {
  const all = verified.windows.filter((window) => window.stream === stream)
  const names = [
    'source_rows',
    'table_rows',
    'missing',
    'extra',
    'deleted',
    'stale',
    'pending',
  ] as const
  return Object.fromEntries(
    names.map((name) => [name, all.reduce((sum, window) => sum + window[name], 0)]),
  )
}

/** The commands that load windows again. */
export function commandsOf({ stderr }: Ended): string[] {
  return [...stderr.matchAll(/^WARNING to load \S+ to \S+ again: (.*)$/gm)].map(
    ([, command]) => command ?? '',
  )
}
