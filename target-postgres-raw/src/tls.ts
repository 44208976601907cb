import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'

export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'

export const SSL_MODES: readonly SslMode[] = [
  'disable',
  'allow',
  'prefer',
  'require',
  'verify-ca',
  'verify-full',
]

/** How to encrypt; certificates and the key as PEM text. */
export type Tls = {
  sslMode: SslMode
  /** Undefined: the authorities that Node knows. */
  sslRootCert: string | undefined
  sslCert: string | undefined
  sslKey: string | undefined
}

/** What was given for a part of the connection, by its names in URLs, settings and environment. */
export type Given = (part: string, setting: string, variable: string) => string | undefined

/** libpq's word for the authorities that the system trusts. */
const SYSTEM = 'system'

/**
 * The ssl mode and its files as libpq finds them: what is given, else those in `~/.postgresql`.
 * Everything that is wrong is added to `faults`. Where nothing is encrypted, no file is looked at.
 */
export function findTls(given: Given, host: string, home: string, faults: string[]): Tls {
  const rootPath = given('sslrootcert', 'ssl_root_cert', 'PGSSLROOTCERT')
  const fallback = rootPath !== SYSTEM && isLoopback(host) ? 'prefer' : 'verify-full'
  const sslMode = (given('sslmode', 'ssl_mode', 'PGSSLMODE') ?? fallback) as SslMode
  const tls: Tls = { sslMode, sslRootCert: undefined, sslCert: undefined, sslKey: undefined }
  if (!SSL_MODES.includes(sslMode)) {
    faults.push(
      `ssl_mode: must be one of ${SSL_MODES.join(', ')}, found ${JSON.stringify(sslMode)}`,
    )
    return tls
  }
  if (isPlain(sslMode, host)) return tls

  const usual = (file: string) => join(home, '.postgresql', file)
  if (rootPath === SYSTEM) {
    // Anybody gets a certificate from one of them: it says nothing without the host's name.
    if (sslMode !== 'verify-full')
      faults.push(`ssl_mode: must be verify-full where ssl_root_cert is system, found "${sslMode}"`)
  } else {
    tls.sslRootCert = readCertificate('ssl_root_cert', rootPath, usual('root.crt'), faults)
    if (sslMode === 'verify-ca' && tls.sslRootCert === undefined && rootPath === undefined)
      faults.push(
        'ssl_root_cert: is required for ssl_mode verify-ca, the file with the authority to trust; found nothing',
      )
  }
  const certPath = given('sslcert', 'ssl_cert', 'PGSSLCERT')
  tls.sslCert = readCertificate('ssl_cert', certPath, usual('postgresql.crt'), faults)
  if (tls.sslCert !== undefined) {
    const keyPath = given('sslkey', 'ssl_key', 'PGSSLKEY') ?? usual('postgresql.key')
    tls.sslKey = readKey(keyPath, tls.sslCert, faults)
  }
  return tls
}

export function isLoopback(host: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|::1|\/.*)$/i.test(host)
}

function isPlain(sslMode: SslMode, host: string): boolean {
  return sslMode === 'disable' || host.startsWith('/')
}

function readCertificate(
  setting: string,
  path: string | undefined,
  usual: string,
  faults: string[],
): string | undefined {
  let text: string
  try {
    text = readFileSync(path ?? usual, 'utf8')
  } catch (cause) {
    if (path !== undefined) faults.push(`${setting}: cannot be read (${(cause as Error).message})`)
    return undefined
  }
  try {
    new X509Certificate(text)
  } catch {
    faults.push(`${setting}: ${path ?? usual} holds no certificate (PEM)`)
  }
  return text
}

/** The key of the own certificate, which only its owner may read. */
function readKey(path: string, cert: string, faults: string[]): string | undefined {
  const fault = (what: string) => {
    faults.push(`ssl_key: ${path} ${what}`)
    return undefined
  }
  let text: string
  try {
    const { mode, uid } = statSync(path)
    // As libpq: the group may read what belongs to root.
    if (process.platform !== 'win32' && (mode & (uid === 0 ? 0o037 : 0o077)) !== 0) {
      const found = (mode & 0o777).toString(8).padStart(4, '0')
      return fault(`is open to others (mode ${found}): chmod 0600, or 0640 if it belongs to root`)
    }
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    return fault(`cannot be read (${(cause as Error).message}); ssl_cert needs its key`)
  }
  if (/ENCRYPTED/.test(text)) return fault('has a passphrase, which cannot be given here')
  try {
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(text)))
      return fault('is not the key of ssl_cert')
  } catch {
    return fault('holds no key (PEM) that fits ssl_cert')
  }
  return text
}

/** What pg takes: false for no TLS. */
export type Ssl = Exclude<pg.ClientConfig['ssl'], undefined>

/** What libpq does in each ssl mode, as ways to try one after the other. */
export function sslWays({ host, ...tls }: Tls & { host: string }): Ssl[] {
  const { sslMode, sslRootCert: ca, sslCert: cert, sslKey: key } = tls
  if (isPlain(sslMode, host)) return [false]
  const own = { ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) }
  const unverified = { ...own, rejectUnauthorized: false }
  const authority = ca === undefined ? {} : { ca }
  const anyHost = { ...own, ...authority, checkServerIdentity: () => undefined }
  switch (sslMode) {
    case 'allow':
      return [false, unverified]
    case 'prefer':
      return [unverified, false]
    case 'require':
      // With a root certificate at hand libpq verifies it, for the sake of old users.
      return [ca === undefined ? unverified : anyHost]
    case 'verify-ca':
      return [anyHost]
    default:
      return [{ ...own, ...authority }]
  }
}
