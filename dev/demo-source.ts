// Where the demo's QuickBooks comes from: real credentials, else a simulated company.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { ConfigError } from '@singer-io-ts/core'

export type Environment = Record<string, string | undefined>

const CREDENTIALS = ['CLIENT_ID', 'CLIENT_SECRET', 'REFRESH_TOKEN', 'REALM_ID'].map(
  (name) => `TAP_QUICKBOOKS_${name}`,
)

/** The environment over what `.env` says; a missing `.env` is fine. */
export function readEnvironment(directory: string, environment: Environment): Environment {
  const file = join(directory, '.env')
  return existsSync(file)
    ? { ...parseEnv(readFileSync(file, 'utf8')), ...environment }
    : { ...environment }
}

/** True when all credentials are there, false when none is; some of them are a mistake. */
export function hasCredentials(environment: Environment): boolean {
  const missing = CREDENTIALS.filter((name) => !environment[name])
  if (missing.length === 0) return true
  if (missing.length === CREDENTIALS.length) return false
  throw new ConfigError(
    missing.map((name) => `${name}: is missing in the environment and in .env`),
    {
      hint: `Set all of ${CREDENTIALS.join(', ')} for real QuickBooks, or none for a simulated company.`,
    },
  )
}
