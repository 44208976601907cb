import { readFileSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import { findTls, type Given, type Tls } from './tls.ts'

/** Where and as whom to connect, and how to encrypt. */
export type Connection = Tls & {
  /** A directory when it begins with a slash: a Unix socket lies there. */
  host: string
  port: number
  user: string
  password: string | undefined
  database: string
  /** What the server shall set for the session, as PGOPTIONS. */
  options: string | undefined
  connectTimeoutSeconds: number
}

type Environment = Record<string, string | undefined>
type Parts = Record<string, string | undefined>

/**
 * The connection as libpq finds it: what the URL says, else the settings, else the environment
 * (PGHOST, …), else the defaults. Everything that is wrong is added to `faults`.
 */
export function findConnection(
  settings: Record<string, unknown>,
  environment: Environment,
  faults: string[],
): Connection {
  const url = parseUrl(settings.connection_string, faults)
  const home = environment.HOME || orElse(homedir, '/')
  const given: Given = (part, setting, variable) => {
    const value = url[part] ?? settings[setting] ?? (environment[variable] || undefined)
    return value === undefined ? undefined : String(value)
  }
  const host = given('host', 'host', 'PGHOST') ?? 'localhost'
  const user = given('user', 'user', 'PGUSER') ?? orElse(() => userInfo().username, '')
  if (user === '') faults.push('user: is required, for the user of this process has no name')
  const database = given('dbname', 'database', 'PGDATABASE') ?? user
  // Such a text may hold a password, and these are shown.
  for (const [setting, value] of Object.entries({ host, user, database }))
    if (/:\/\/.*@/s.test(value))
      faults.push(`${setting}: is a URL, which belongs into connection_string`)
  if (host.includes(',')) faults.push(`host: must be one host, found ${JSON.stringify(host)}`)
  // These would lead libpq elsewhere.
  for (const variable of ['PGSERVICE', 'PGHOSTADDR'])
    if (environment[variable] && (url.host ?? settings.host) === undefined)
      faults.push(`${variable}: is not read here; give host, user and database themselves`)
  const portText = given('port', 'port', 'PGPORT') ?? '5432'
  const port = Number(portText)
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    faults.push(`port: must be a number from 1 to 65535, found ${JSON.stringify(portText)}`)
  return {
    host,
    port,
    user,
    password:
      given('password', 'password', 'PGPASSWORD') ??
      passwordFromFile({ host, port: portText, database, user }, environment, home),
    database,
    ...findTls(given, host, home, faults),
    options: given('options', 'options', 'PGOPTIONS'),
    connectTimeoutSeconds: secondsOf(url.connect_timeout ?? environment.PGCONNECT_TIMEOUT),
  }
}

/** As libpq: what is no positive number is not given. */
function secondsOf(text: string | undefined): number {
  const seconds = Number(text)
  return seconds > 0 ? Math.min(seconds, 3600) : 10
}

/** In a container the user may be a mere number, of whom the system knows nothing. */
function orElse(ask: () => string, otherwise: string): string {
  try {
    return ask()
  } catch {
    return otherwise
  }
}

/** What a message may say of a connection: never the password. */
export function describeConnection(connection: Connection): string {
  const { host, port, database, user } = connection
  return `Postgres at ${host}:${port} (database '${database}', user '${user}')`
}

const URL_PARAMETERS =
  /^(host|port|user|password|dbname|sslmode|sslrootcert|sslcert|sslkey|options|connect_timeout)$/
// Without a meaning here, and common in such URLs.
const URL_IGNORED =
  /^(application_name|target_session_attrs|channel_binding|gssencmode|schema|pgbouncer)$/

function parseUrl(value: unknown, faults: string[]): Parts {
  if (value === undefined) return {}
  const fault = (what: string): Parts => {
    faults.push(`connection_string: ${what}`)
    return {}
  }
  const text = String(value)
  if (!/^postgres(ql)?:\/\//.test(text))
    return fault('must begin with postgres:// or postgresql://')
  const [address = '', query = ''] = text.split(/\?(.*)/s)
  const unescaped =
    'a special character in the password must be written as %XX (@ as %40, # as %23, / as %2F, ? as %3F); ' +
    'or give host, user, password and database as settings of their own'
  // Else a part of such a password would be taken for something else, and be shown.
  if (text.includes('#') || /@.*@|\/\/[^/]*\/.*@/s.test(address)) return fault(unescaped)
  if (/^[^/]*,/.test(address.replace(/^\w+:\/\/([^@]*@)?/, '')))
    return fault('names several hosts; only one can be given')
  let url: URL
  try {
    // An empty host before the path is libpq's way to say "the default one".
    url = new URL(
      text.replace(/^(postgres(?:ql)?:\/\/(?:[^/@]*@)?)(?=[/?]|$)/, '$1default.invalid'),
    )
  } catch {
    return fault('is not a URL: a special character in the password must be written as %XX')
  }
  const parts: Parts = {}
  try {
    const set = (part: string, found: string) => {
      if (found !== '') parts[part] = decodeURIComponent(found)
    }
    if (url.hostname !== 'default.invalid') set('host', url.hostname.replace(/^\[(.*)\]$/, '$1'))
    set('port', url.port)
    set('user', url.username)
    set('password', url.password)
    set('dbname', url.pathname.slice(1))
  } catch {
    return fault('has a % that is not followed by two hexadecimal digits')
  }
  // libpq knows no + for a blank.
  for (const [parameter, found] of new URLSearchParams(url.search.replaceAll('+', '%2B'))) {
    if (URL_PARAMETERS.test(parameter)) parts[parameter] = found
    else if (!address.includes('@') && query.includes('@')) return fault(unescaped)
    else if (!URL_IGNORED.test(parameter)) fault(`has the unknown parameter '${parameter}'`)
  }
  return parts
}

/** The password that ~/.pgpass (or PGPASSFILE) holds for this connection. */
function passwordFromFile(
  wanted: { host: string; port: string; database: string; user: string },
  environment: Environment,
  home: string,
): string | undefined {
  try {
    const path = environment.PGPASSFILE || join(home, '.pgpass')
    return findPassword(readFileSync(path, 'utf8'), wanted)
  } catch {
    return undefined
  }
}

/** The first line of a password file that fits: `host:port:database:user:password`. */
export function findPassword(
  text: string,
  wanted: { host: string; port: string; database: string; user: string },
): string | undefined {
  const values = [
    wanted.host.startsWith('/') ? 'localhost' : wanted.host,
    wanted.port,
    wanted.database,
    wanted.user,
  ]
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue
    const fields = line.match(/(?:\\.|[^:\\])*(?::|$)/g) ?? []
    const plain = fields.map((field) => field.replace(/:$/, '').replace(/\\(.)/g, '$1'))
    if (values.every((value, index) => plain[index] === '*' || plain[index] === value))
      return plain[4]
  }
  return undefined
}
