import { copyFileSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Readable } from 'node:stream'
import { execa } from 'execa'
import { createPipeline, type Ended, type Pipeline } from '../e2e/pipeline.ts'
import { ROOT } from '../release/packages.ts'
import type { SimulatorOptions } from '../simulator/index.ts'
import { cleanEnvironment } from './installing.ts'

export type Running = {
  stderr: Readable
  kill(signal: NodeJS.Signals): void
  ended: Promise<Ended>
}

/** The shipped meltano.yml in a folder of its own, with a company and an empty database. */
export type Project = Pipeline & {
  meltano(args: string, environment?: NodeJS.ProcessEnv): Promise<Ended>
  start(args: string): Running
  /** Adds settings to `.env`, as text. */
  set(environment: Record<string, string>): void
  /** What Meltano keeps of a run under this id. */
  stateOf(id: string): Promise<{ bookmarks?: Record<string, Record<string, unknown>> }>
}

export async function createProject(bin: string, company: SimulatorOptions): Promise<Project> {
  const pipeline = await createPipeline(company)
  const { folder } = pipeline
  copyFileSync(join(ROOT, 'meltano.yml'), join(folder, 'meltano.yml'))
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  const dotenv: Record<string, string> = {}
  const set = (more: Record<string, string>): void => {
    Object.assign(dotenv, more)
    const lines = Object.entries(dotenv).map(([name, value]) => `${name}='${value}'\n`)
    writeFileSync(join(folder, '.env'), lines.join(''))
  }
  const prefixed = (prefix: string, file: string): Record<string, string> =>
    Object.fromEntries(
      Object.entries(JSON.parse(readFileSync(file, 'utf8'))).map(([name, value]) => [
        `${prefix}_${name.toUpperCase()}`,
        String(value),
      ]),
    )
  const { TARGET_POSTGRES_RAW_TABLE_PREFIX: _shipped, ...target } = prefixed(
    'TARGET_POSTGRES_RAW',
    pipeline.targetConfig,
  )
  set({ ...prefixed('TAP_QUICKBOOKS', pipeline.tapConfig), ...target })

  // Nothing is asked of the network, nothing is kept outside the folder.
  const environment = {
    PATH: [bin, process.env.PATH].join(delimiter),
    HOME: folder,
    MELTANO_CLI_DISABLE_VERSION_CHECK: 'true',
    NO_COLOR: '1',
    COLUMNS: '200',
  }
  const execute = (args: string, more: NodeJS.ProcessEnv = {}) =>
    execa(join(bin, 'meltano'), args.split(' '), {
      cwd: folder,
      env: cleanEnvironment({ ...environment, ...more }),
      extendEnv: false,
      reject: false,
    })
  return {
    ...pipeline,
    set,
    meltano: execute,
    start(args) {
      const running = execute(args)
      return { stderr: running.stderr, kill: (signal) => running.kill(signal), ended: running }
    },
    async stateOf(id) {
      const { stdout } = await execute(`state get ${id}`)
      return JSON.parse(stdout).singer_state ?? {}
    },
  }
}
