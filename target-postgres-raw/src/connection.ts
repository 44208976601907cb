import { readFileSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'

export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'

export const SSL_MODES: readonly SslMode[] = [
  'disable',
  'allow',
  'prefer',
  'require',
  'verify-ca',
  'verify-full',
]

/** Where and as whom to connect; certificates as PEM text. */
export type Connection = {
  /** A directory when it begins with a slash: a Unix socket lies there. */
  host: string
  port: number
  user: string
  password: string | undefined
  database: string
  sslMode: SslMode
  sslRootCert: string | undefined
  sslCert: string | undefined
  sslKey: string | undefined
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
  const given = (part: string, setting: string, variable: string): string | undefined => {
    const value = url[part] ?? settings[setting] ?? (environment[variable] || undefined)
    return value === undefined ? undefined : String(value)
  }
  const host = given('host', 'host', 'PGHOST') ?? 'localhost'
  const user = given('user', 'user', 'PGUSER') ?? userInfo().username
  const database = given('dbname', 'database', 'PGDATABASE') ?? user
  const portText = given('port', 'port', 'PGPORT') ?? '5432'
  const port = Number(portText)
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    faults.push(`port: must be a number from 1 to 65535, found ${JSON.stringify(portText)}`)
  const sslMode = given('sslmode', 'ssl_mode', 'PGSSLMODE')
  if (sslMode !== undefined && !SSL_MODES.includes(sslMode as SslMode))
    faults.push(
      `ssl_mode: must be one of ${SSL_MODES.join(', ')}, found ${JSON.stringify(sslMode)}`,
    )
  const pem = (part: string, setting: string, variable: string, usual: string) =>
    readPem(setting, given(part, setting, variable), usual, faults)
  return {
    host,
    port,
    user,
    password:
      given('password', 'password', 'PGPASSWORD') ??
      passwordFromFile({ host, port: portText, database, user }, environment),
    database,
    sslMode: (sslMode as SslMode | undefined) ?? (isLoopback(host) ? 'prefer' : 'verify-full'),
    sslRootCert: pem('sslrootcert', 'ssl_root_cert', 'PGSSLROOTCERT', 'root.crt'),
    sslCert: pem('sslcert', 'ssl_cert', 'PGSSLCERT', 'postgresql.crt'),
    sslKey: pem('sslkey', 'ssl_key', 'PGSSLKEY', 'postgresql.key'),
    connectTimeoutSeconds: Number(url.connect_timeout ?? environment.PGCONNECT_TIMEOUT) || 10,
  }
}

/** What a message may say of a connection: never the password. */
export function describeConnection(connection: Connection): string {
  const { host, port, database, user } = connection
  return `Postgres at ${host}:${port} (database '${database}', user '${user}')`
}

export function isLoopback(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|::1|\/.*)$/i.test(host)
}

const URL_PARAMETERS =
  /^(host|port|user|password|dbname|sslmode|sslrootcert|sslcert|sslkey|connect_timeout)$/
// Without a meaning here, and common in such URLs.
const URL_IGNORED =
  /^(application_name|target_session_attrs|channel_binding|gssencmode|schema|pgbouncer|options)$/

function parseUrl(value: unknown, faults: string[]): Parts {
  if (value === undefined) return {}
  const fault = (what: string): Parts => {
    faults.push(`connection_string: ${what}`)
    return {}
  }
  const text = String(value)
  if (!/^postgres(ql)?:\/\//.test(text))
    return fault('must begin with postgres:// or postgresql://')
  // Else a part of such a password would be taken for the host, and be shown.
  if (text.includes('#') || /^[^?]*@[^?]*@/.test(text))
    return fault(
      'a special character in the password must be written as %XX (@ as %40, # as %23, / as %2F); ' +
        'or give host, user, password and database as settings of their own',
    )
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
  for (const [parameter, found] of url.searchParams) {
    if (URL_PARAMETERS.test(parameter)) parts[parameter] = found
    else if (!URL_IGNORED.test(parameter)) fault(`has the unknown parameter '${parameter}'`)
  }
  return parts
}

function readPem(
  setting: string,
  path: string | undefined,
  usual: string,
  faults: string[],
): string | undefined {
  // libpq's word for the certificates that the system trusts.
  if (path === 'system') return undefined
  try {
    return readFileSync(path ?? join(homedir(), '.postgresql', usual), 'utf8')
  } catch (cause) {
    if (path !== undefined) faults.push(`${setting}: cannot be read (${(cause as Error).message})`)
    return undefined
  }
}

/** The password that ~/.pgpass (or PGPASSFILE) holds for this connection. */
function passwordFromFile(
  wanted: { host: string; port: string; database: string; user: string },
  environment: Environment,
): string | undefined {
  try {
    const path = environment.PGPASSFILE || join(homedir(), '.pgpass')
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
