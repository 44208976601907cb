import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { compareWithCompany, createPipeline, type Pipeline } from '../e2e/pipeline.ts'
import { ROOT } from '../release/packages.ts'

const COMPANY = { invoices: 300, customers: 40, items: 20 }
export const inRoot = (path: string): string => join(ROOT, path)
export const PATH: string = process.env.PATH ?? ''

/** A pipeline whose folder holds what the examples expect in /etc/books and /var/lib/books. */
export type Books = Pipeline & {
  /** The text of an example, with the folders of this machine. */
  placed(text: string): string
  /** What is left to load: a run that has nothing to do makes one call. */
  expectLoaded(ended: { exitCode?: number | undefined; all?: string }): Promise<void>
}

export async function createBooks(): Promise<Books> {
  const pipeline = await createPipeline(COMPANY)
  const { folder, simulator, connectionString, write } = pipeline
  mkdirSync(join(folder, 'lib'))
  // The examples say by XDG_STATE_HOME where the tokens are kept.
  write('quickbooks.json', simulator.config)
  write('postgres.json', { connection_string: connectionString, table_prefix: 'qb_' })
  symlinkSync(inRoot('node_modules'), join(folder, 'node_modules'))
  return {
    ...pipeline,
    placed: (text) =>
      text
        .replaceAll('/opt/books', ROOT.replace(/\/$/, ''))
        .replaceAll('/etc/books', folder)
        .replaceAll('/var/lib/books', join(folder, 'lib')),
    async expectLoaded({ exitCode, all }) {
      expect({ exitCode, all: exitCode === 0 ? '' : all }).toEqual({ exitCode: 0, all: '' })
      expect(await compareWithCompany(pipeline)).toEqual([])
    },
  }
}

/** Nothing of the tests' own environment, as a scheduler starts it. */
export const options = (env: NodeJS.ProcessEnv, cwd = '/') =>
  ({ cwd, env: { PATH, ...env }, extendEnv: false, reject: false, all: true }) as const

/** The settings that a container gets as variables, or as files in /run/secrets. */
export const settingsOf = ({ simulator, connectionString }: Pipeline) => {
  const { client_id, client_secret, refresh_token, realm_id, base_url, token_url } =
    simulator.config
  return {
    secrets: {
      TAP_QUICKBOOKS_CLIENT_ID: client_id,
      TAP_QUICKBOOKS_CLIENT_SECRET: client_secret,
      TAP_QUICKBOOKS_REFRESH_TOKEN: refresh_token,
      TARGET_POSTGRES_RAW_CONNECTION_STRING: connectionString,
    },
    company: {
      TAP_QUICKBOOKS_REALM_ID: realm_id,
      TAP_QUICKBOOKS_BASE_URL: base_url,
      TAP_QUICKBOOKS_TOKEN_URL: token_url,
    },
  }
}
