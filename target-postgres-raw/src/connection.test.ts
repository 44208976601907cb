import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { skip } from '../../dev/skip.ts'
import { describeConnection, findConnection, findPassword } from './connection.ts'
import { type SslMode, sslWays } from './tls.ts'

// Nothing of whoever runs this.
const nothing = { HOME: '/nonexistent' }

function find(settings: Record<string, unknown>, environment: Record<string, string> = {}) {
  const faults: string[] = []
  const found = findConnection(settings, { ...nothing, ...environment }, faults)
  return { found, faults }
}

test('the URL goes before the settings, they before PG*, those before the defaults', () => {
  const { found, faults } = find(
    {
      connection_string: 'postgres://me:p%40ss@db.example.com/house?sslmode=require',
      port: 6000,
      user: 'x',
    },
    { PGPORT: '7000', PGHOST: 'other', PGDATABASE: 'other' },
  )
  expect(faults).toEqual([])
  expect(found).toMatchObject({
    host: 'db.example.com',
    port: 6000,
    user: 'me',
    password: 'p@ss',
    database: 'house',
    sslMode: 'require',
  })
  expect(find({}, { PGUSER: 'me', PGHOST: 'db', PGPASSWORD: 'pw' }).found).toMatchObject({
    host: 'db',
    port: 5432,
    user: 'me',
    password: 'pw',
    database: 'me',
    sslMode: 'verify-full',
  })
})

test('TLS is preferred on this machine and verified elsewhere', () => {
  const modes = ['localhost', '127.0.0.1', '::1', '/var/run/postgresql', '10.0.0.1', 'db'].map(
    (host) => find({ host }).found.sslMode,
  )
  expect(modes).toEqual([...Array(4).fill('prefer'), ...Array(2).fill('verify-full')])
})

test('sockets, IPv6 and missing hosts of URLs are understood', () => {
  expect(find({ connection_string: 'postgres://me@[::1]:6/d' }).found.host).toBe('::1')
  expect(find({ connection_string: 'postgres:///d?host=/tmp' }).found).toMatchObject({
    host: '/tmp',
    database: 'd',
  })
  expect(find({ connection_string: 'postgresql://me:pw@/d' }).found).toMatchObject({
    host: 'localhost',
    user: 'me',
    password: 'pw',
  })
  expect(find({ connection_string: 'postgresql://%2Fvar%2Frun/d' }).found.host).toBe('/var/run')
})

test('what is wrong with a connection is said without its secrets', () => {
  const legal = 'postgres://h/d?user=me@corp&password=p@s+s'
  expect(find({ connection_string: legal })).toMatchObject({
    faults: [],
    found: { host: 'h', user: 'me@corp', password: 'p@s+s' },
  })
  const wrong = [
    { connection_string: 'mysql://me:secret@x/d' },
    { connection_string: 'postgres://me:sec%ret@x/d' },
    { connection_string: 'postgres://me:se#cret@x:y/d' },
    { connection_string: 'postgres://me:secret@x/d?sslmod=require' },
    { connection_string: 'postgres://me:secret@x/d?sslmode=yes' },
    { host: 'x', ssl_root_cert: '/nonexistent/ca.pem' },
    { host: 'postgres://me:secret@x/d' },
    { host: 'x', database: 'postgres://me:secret@x/d' },
  ]
  const faults = wrong.map((settings) => find(settings).faults.join())
  for (const fault of faults) expect(fault).not.toMatch(/^$|secret|sec%ret|se#cret/)
  expect(faults[3]).toBe("connection_string: has the unknown parameter 'sslmod'")
  expect(find({}, { PGPORT: 'x' }).faults).toEqual([
    'port: must be a number from 1 to 65535, found "x"',
  ])
})

test('what would lead libpq elsewhere is refused', () => {
  expect(find({ connection_string: 'postgres://me:pw@a,b/d' }).faults).toEqual([
    'connection_string: names several hosts; only one can be given',
  ])
  expect(find({ connection_string: 'postgres://me:pw@a:1,b:2/d' }).faults).toEqual([
    'connection_string: names several hosts; only one can be given',
  ])
  expect(find({ connection_string: 'postgres://me:p,w@a/d' }).faults).toEqual([])
  expect(find({ host: 'a,b' }).faults).toEqual(['host: must be one host, found "a,b"'])
  for (const variable of ['PGSERVICE', 'PGHOSTADDR']) {
    expect(find({}, { [variable]: 'x', PGHOST: 'y' }).faults).toEqual([
      `${variable}: is not read here; give host, user and database themselves`,
    ])
    expect(find({ host: 'y' }, { [variable]: 'x' }).faults).toEqual([])
  }
})

test('options for the session come from the URL, then from PGOPTIONS', () => {
  const url = 'postgres://h/d?options=-c%20role%3Downer'
  expect(find({ connection_string: url }, { PGOPTIONS: '-c role=x' }).found.options).toBe(
    '-c role=owner',
  )
  expect(find({}, { PGOPTIONS: '-c role=x' }).found.options).toBe('-c role=x')
})

test('the time to connect is a positive number of seconds, or the usual one', () => {
  const seconds = ['5', '0', '-1', 'soon', '99999999'].map(
    (text) => find({}, { PGCONNECT_TIMEOUT: text }).found.connectTimeoutSeconds,
  )
  expect(seconds).toEqual([5, 10, 10, 10, 3600])
})

test('a process of a user without a name or a home, as in containers, is told what to give', (context) => {
  if (process.getuid?.() !== 0) skip(context, 'only root can become such a user')
  const script = `
    import { findConnection } from ${JSON.stringify(new URL('../dist/connection.js', import.meta.url))}
    process.setuid(54321)
    const faults = []
    findConnection({}, {}, faults)
    const { user } = findConnection({ user: 'me' }, {}, faults)
    console.log(user, faults.join())`
  const { HOME: _, ...env } = process.env
  const flags = ['--input-type=module', '--eval', script]
  expect(execFileSync(process.execPath, flags, { env, encoding: 'utf8' })).toBe(
    'me user: is required, for the user of this process has no name\n',
  )
})

test('the password file is read as libpq reads it', () => {
  const text =
    '# comment\r\nother:5432:d:u:no\n*:5433:*:u:port\nhost:*:d:u:a\\:b\\\\c\nlocalhost:*:*:*:socket\n'
  const wanted = { host: 'host', port: '5432', database: 'd', user: 'u' }
  expect(findPassword(text, wanted)).toBe('a:b\\c')
  expect(findPassword(text, { ...wanted, port: '5433' })).toBe('port')
  expect(findPassword(text, { ...wanted, host: '/tmp' })).toBe('socket')
  expect(findPassword(text, { ...wanted, user: 'x' })).toBeUndefined()
})

test('a message about a connection never has the password', () => {
  const { found } = find({ connection_string: 'postgres://me:hunter22@db/house' })
  expect(describeConnection(found)).toBe("Postgres at db:5432 (database 'house', user 'me')")
})

test("each ssl mode means what libpq's page says", () => {
  const base = find({ host: 'db', user: 'u' }).found
  const ways = (sslMode: SslMode, sslRootCert?: string) =>
    sslWays({ ...base, sslMode, sslRootCert }).map((way) => {
      if (way === false) return 'plain'
      if (way === true) return 'default'
      if (way.rejectUnauthorized === false) return 'unverified'
      return way.checkServerIdentity === undefined ? 'full' : 'authority'
    })
  expect(ways('disable')).toEqual(['plain'])
  expect(ways('allow')).toEqual(['plain', 'unverified'])
  expect(ways('prefer')).toEqual(['unverified', 'plain'])
  expect(ways('require')).toEqual(['unverified'])
  expect(ways('require', 'pem')).toEqual(['authority'])
  expect(ways('verify-ca', 'pem')).toEqual(['authority'])
  expect(ways('verify-full')).toEqual(['full'])
})

test('a password with unescaped characters is refused, and no part of it is shown as a host', () => {
  for (const text of [
    'postgres://u:zq@zq/zq#zq@h:1/db',
    'postgres://u:zq@zq@h/db',
    'postgres://u:zq#zq@h',
    'postgres://u:12/zq@h/db',
    'postgres://u:12?zq@h/db',
    'postgres://u:12?zq=zq@h/db',
  ]) {
    const faults: string[] = []
    findConnection({ connection_string: text }, {}, faults)
    expect(faults[0]).toMatch(/^connection_string: a special character .* %XX/)
    expect(faults.join()).not.toMatch(/zq/)
  }
})
