import { ConfigError, readState, type State, showValue } from '@singer-io-ts/core'

/** Members that no state has. Those that are not known are printed again in every STATE. */
const SECRETS = [
  'client_id',
  'client_secret',
  'refresh_token',
  'access_token',
  'connection_string',
  'password',
]

/** The company that a state is of, as text; undefined where it names none. */
export function realmOf({ realm_id }: State): string | undefined {
  if (realm_id === undefined || realm_id === null) return undefined
  return typeof realm_id === 'string' ? realm_id : showValue(realm_id)
}

/** The state in the file. Settings, tokens or a catalog that were given in its place are refused. */
export function readStateFile(path: string): State {
  const state = readState(path)
  const refuse = (what: string): never => {
    throw new ConfigError([`--state ${path}: ${what}`], {
      hint: 'Give the file that holds the last STATE, or leave --state away for a first run.',
    })
  }
  const secret = SECRETS.find((name) => name in state)
  if (secret !== undefined)
    refuse(`has the member ${secret}, so it holds settings or tokens and no state`)
  if (Array.isArray(state.streams)) refuse("has a list 'streams', so it is a catalog and no state")
  return state
}
