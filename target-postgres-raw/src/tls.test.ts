import { PassThrough } from 'node:stream'
import { createLog } from '@singer-io-ts/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { start } from '../fixtures/program.ts'
import { type CERTIFICATES, type Secured, startSecured } from '../fixtures/secured.ts'
import { findConnection } from './connection.ts'
import { codeOf } from './errors.ts'
import { openDatabase } from './postgres.ts'
import { SSL_MODES } from './tls.ts'

let server: Secured

beforeAll(async () => {
  server = await startSecured()
})

afterAll(() => server.stop())

const withPassword = (kind: string) => [`${kind} all loader 127.0.0.1/32 scram-sha-256`]

/** The settings, in an environment that holds nothing else; throws what is wrong with them. */
function connectionOf(settings: Record<string, string>, environment: Record<string, string>) {
  const faults: string[] = []
  const all = { connection_string: server.url, ...settings }
  const found = findConnection(all, { HOME: '/nonexistent', ...environment }, faults)
  if (faults.length > 0) throw new Error(faults.join('\n'))
  return found
}

/** How the target connects: `tls` or `plain`; else the code or the message of what kept it out. */
async function outcome(
  settings: Record<string, string>,
  environment: Record<string, string> = {},
): Promise<string> {
  try {
    const database = openDatabase({
      connection: connectionOf(settings, environment),
      maxAttempts: 1,
      backoffSeconds: 0,
      log: createLog('test', new PassThrough()),
      signal: new AbortController().signal,
      begin: 'begin',
    })
    const { rows } = await database.transact((client) =>
      client.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()'),
    )
    await database.close()
    return rows[0].ssl ? 'tls' : 'plain'
  } catch (thrown) {
    return codeOf(thrown) ?? (thrown as Error).message
  }
}

/** What the words of the matrix stand for. */
const WORDS: Record<string, RegExp> = {
  plain: /^plain$/,
  tls: /^tls$/,
  pg_hba: /^28000$/,
  'no-tls': /^The server does not support SSL connections$/,
  fault: /^ssl_root_cert: is required for ssl_mode verify-ca/,
  expired: /^CERT_HAS_EXPIRED$/,
  unknown: /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|(DEPTH_ZERO_)?SELF_SIGNED_CERT(_IN_CHAIN)?)$/,
  host: /^ERR_TLS_CERT_ALTNAME_INVALID$/,
}

// As psql does, but for three things: verify-full without a root certificate takes those that Node
// knows, verify-ca without one is a fault of the settings, and prefer never looks at one.
const MATRIX = `
certificate of the server  pg_hba     root certificate   disable  allow    prefer  require  verify-ca  verify-full
good                       host       -                  plain    plain    tls     tls      fault      unknown
good                       host       authority.pem      plain    plain    tls     tls      tls        tls
good                       host       unknown.pem        plain    plain    tls     unknown  unknown    unknown
by name only               host       authority.pem      plain    plain    tls     tls      tls        tls
expired                    host       -                  plain    plain    tls     tls      fault      expired
expired                    host       authority.pem      plain    plain    tls     expired  expired    expired
of another host            host       -                  plain    plain    tls     tls      fault      unknown
of another host            host       authority.pem      plain    plain    tls     tls      tls        host
of an unknown authority    host       -                  plain    plain    tls     tls      fault      unknown
of an unknown authority    host       authority.pem      plain    plain    tls     unknown  unknown    unknown
self-signed                host       -                  plain    plain    tls     tls      fault      unknown
self-signed                host       self-signed.pem    plain    plain    tls     tls      tls        tls
good                       hostssl    authority.pem      pg_hba   tls      tls     tls      tls        tls
good                       hostnossl  authority.pem      plain    plain    plain   pg_hba   pg_hba     pg_hba
good                       nobody     authority.pem      pg_hba   pg_hba   pg_hba  pg_hba   pg_hba     pg_hba
none                       host       authority.pem      plain    plain    plain   no-tls   no-tls     no-tls
none                       hostssl    authority.pem      pg_hba   pg_hba   pg_hba  no-tls   no-tls     no-tls`

test.each(
  MATRIX.trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/ {2,}/)),
)(
  'a server with certificate %s, pg_hba %s; client with %s',
  async (shown, kind, root, ...wanted) => {
    const certificate = shown === 'none' ? undefined : (shown as keyof typeof CERTIFICATES)
    const hba = kind === 'nobody' ? [] : withPassword(kind as string)
    await server.serve({ certificate, hba })
    const found: string[] = []
    for (const ssl_mode of SSL_MODES) {
      const file = root === '-' ? {} : { ssl_root_cert: server.file(root as never) }
      const came = await outcome({ ssl_mode, ...file })
      found.push(Object.keys(WORDS).find((word) => WORDS[word]?.test(came)) ?? came)
    }
    expect(found).toEqual(wanted)
  },
)

test('an address is compared with the addresses of the certificate, never with a name', async () => {
  const ask = (host: string) =>
    outcome({
      connection_string: server.url.replace('localhost', host),
      ssl_mode: 'verify-full',
      ssl_root_cert: server.file('authority.pem'),
    })
  await server.serve({ certificate: 'good', hba: withPassword('host') })
  expect(await ask('127.0.0.1')).toBe('tls')
  await server.serve({ certificate: 'by name only', hba: withPassword('host') })
  expect(await ask('127.0.0.1')).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
})

test('mode and root certificate may stand in the URL, the settings or the environment, in this order', async () => {
  await server.serve({ certificate: 'of another host', hba: withPassword('host') })
  const root = server.file('authority.pem')
  const url = (query: string) => ({ connection_string: `${server.url}?${query}` })
  expect(await outcome(url('sslmode=disable'))).toBe('plain')
  expect(await outcome(url('sslmode=require'))).toBe('tls')
  const full = `sslmode=verify-full&sslrootcert=${encodeURIComponent(root)}`
  expect(await outcome(url(full))).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
  expect(await outcome({ ...url(full), ssl_mode: 'disable' }, { PGSSLMODE: 'disable' })).toBe(
    'ERR_TLS_CERT_ALTNAME_INVALID',
  )
  expect(await outcome({}, { PGSSLMODE: 'verify-ca', PGSSLROOTCERT: root })).toBe('tls')
  expect(
    await outcome({ ssl_mode: 'verify-full' }, { PGSSLMODE: 'disable', PGSSLROOTCERT: root }),
  ).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
  expect(await outcome(url('sslmode=no-verify'))).toMatch(
    /^ssl_mode: must be one of disable, .*"no-verify"$/,
  )
  expect(await outcome({}, { PGSSLMODE: 'yes' })).toMatch(
    /^ssl_mode: must be one of disable, .*"yes"$/,
  )
})

test('prefer goes on without TLS where none comes about, and not where the own certificate is refused', async () => {
  const old = { certificate: 'good', newestProtocol: 'TLSv1.1' } as const
  await server.serve({ ...old, hba: withPassword('host') })
  expect(await outcome({ ssl_mode: 'prefer' })).toBe('plain')
  expect(await outcome({ ssl_mode: 'require' })).toMatch(/PROTOCOL|HANDSHAKE|EPROTO/)
  await server.serve({ certificate: 'good', hba: withPassword('host') })
  const own = { ssl_cert: server.file('stranger.pem'), ssl_key: server.file('stranger.key') }
  expect(await outcome({ ssl_mode: 'prefer', ...own })).toMatch(/UNKNOWN_CA/)
})

test('the files in ~/.postgresql are found where none are named', async () => {
  await server.serve({ certificate: 'good', hba: ['hostssl all loader 127.0.0.1/32 cert'] })
  const { home } = server
  expect(await outcome({ ssl_mode: 'verify-full' }, { HOME: home })).toBe('tls')
  expect(await outcome({ ssl_mode: 'verify-full' })).not.toBe('tls')
})

test('ssl_root_cert system wants verify-full, and makes it the mode where none is named', async () => {
  const system = { ssl_root_cert: 'system' }
  expect(connectionOf(system, {})).toMatchObject({ sslMode: 'verify-full', sslRootCert: undefined })
  expect(await outcome({ ...system, ssl_mode: 'require' })).toBe(
    'ssl_mode: must be verify-full where ssl_root_cert is system, found "require"',
  )
})

test.each(['cert', 'scram-sha-256 clientcert=verify-full'])(
  'a client certificate is shown to a server that asks for it: %s',
  async (method) => {
    await server.serve({ certificate: 'good', hba: [`hostssl all loader 127.0.0.1/32 ${method}`] })
    const own = (name: 'loader' | 'stranger') => ({
      ssl_mode: 'verify-full',
      ssl_root_cert: server.file('authority.pem'),
      ssl_cert: server.file(`${name}.pem`),
      ssl_key: server.file(`${name}.key`),
    })
    expect(await outcome(own('loader'))).toBe('tls')
    const { ssl_cert: _, ssl_key: __, ...none } = own('loader')
    expect(await outcome(none)).toBe('28000')
    expect(await outcome(own('stranger'))).toMatch(/^ERR_SSL_.*ALERT_UNKNOWN_CA$/)
  },
)

test.each<[string, (key: string) => Record<string, string>, RegExp]>([
  [
    'a key that others may read',
    (key) => ({ ssl_key: server.write('open.key', key, 0o644) }),
    /^ssl_key: .*open\.key is open to others \(mode 0644\): chmod 0600, or 0640 if it belongs to root$/,
  ],
  [
    'a key that is not there',
    () => ({ ssl_key: '/nonexistent/own.key' }),
    /^ssl_key: \/nonexistent\/own\.key cannot be read \(ENOENT.*\); ssl_cert needs its key$/,
  ],
  [
    'no key at all',
    () => ({}),
    /^ssl_key: \/nonexistent\/\.postgresql\/postgresql\.key cannot be read/,
  ],
  [
    'the key of another certificate',
    () => ({ ssl_key: server.file('stranger.key') }),
    /^ssl_key: .*stranger\.key is not the key of ssl_cert$/,
  ],
  [
    'a key with a passphrase',
    () => ({ ssl_key: server.write('locked.key', '-----BEGIN ENCRYPTED PRIVATE KEY-----\n') }),
    /^ssl_key: .*locked\.key has a passphrase, which cannot be given here$/,
  ],
  [
    'a key that is none',
    () => ({ ssl_key: server.file('nonsense.pem') }),
    /^ssl_key: .*nonsense\.pem holds no key \(PEM\) that fits ssl_cert$/,
  ],
  [
    'a certificate that is none',
    () => ({ ssl_root_cert: server.file('nonsense.pem'), ssl_key: server.file('loader.key') }),
    /^ssl_root_cert: .*nonsense\.pem holds no certificate \(PEM\)$/,
  ],
  [
    'a certificate that is not there',
    () => ({ ssl_root_cert: '/nonexistent/ca.pem', ssl_key: server.file('loader.key') }),
    /^ssl_root_cert: cannot be read \(ENOENT.*\)$/,
  ],
])('%s is a fault of the settings, before any connection', async (_, given, message) => {
  const settings = { ssl_cert: server.file('loader.pem'), ...given(server.key) }
  expect(await outcome({ ssl_mode: 'require', ...settings })).toMatch(message)
  // Where nothing is encrypted, nothing is looked at.
  expect(() => connectionOf({ ssl_mode: 'disable', ...settings }, {})).not.toThrow()
})

test('the program says what is wrong with TLS and what to do, and loads where it is right', async () => {
  await server.serve({ certificate: 'of another host', hba: withPassword('hostssl') })
  const run = (settings: object, environment = {}) => {
    const target = start([], { connection_string: server.url, ...settings }, environment)
    target.process.stdin.end('{"type":"STATE","value":{"n":1}}\n')
    return target.ended
  }
  const root = server.file('authority.pem')
  const wrong = await run({ ssl_mode: 'verify-full', ssl_root_cert: root })
  expect([wrong.code, wrong.out]).toEqual([5, ''])
  expect(wrong.log).toMatch(/^CRITICAL cannot connect .*ERR_TLS_CERT_ALTNAME_INVALID.* ssl_mode/m)
  expect(wrong.log).not.toContain('WARNING')

  await server.serve({ certificate: 'good', hba: withPassword('hostssl') })
  const right = await run({ ssl_mode: 'verify-full' }, { NODE_EXTRA_CA_CERTS: root })
  expect([right.code, right.out]).toEqual([0, '{"n":1}\n'])

  const open = server.write('open.key', server.key, 0o604)
  const unsafe = await run({
    ssl_mode: 'require',
    ssl_cert: server.file('loader.pem'),
    ssl_key: open,
  })
  expect([unsafe.code, unsafe.log]).toEqual([
    1,
    expect.stringMatching(/^ERROR ssl_key: .*mode 0604/),
  ])

  await server.serve({ hba: withPassword('host') })
  const none = await run({ ssl_mode: 'require' })
  expect([none.code, none.log]).toEqual([
    5,
    expect.stringMatching(/does not support SSL.*Switch TLS on/),
  ])
})
