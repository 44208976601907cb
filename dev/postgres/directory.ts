/** The folder of a Postgres: its data, its password, its log; made when it is not there. */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import {
  type Account,
  type Binaries,
  bareEnvironment,
  canReach,
  giveTo,
  makeDirectory,
  otherServer,
  ownerOf,
  postgresBinaries,
  reachablePlace,
  unprivilegedAccount,
} from './binaries.ts'

export type StartOptions = {
  /** A kept data directory; absent: a temporary one that goes with the server. */
  directory?: string
  /** Absent: the one of last time, if it is free, else any free one. */
  port?: number
  /** Postgres' own settings, such as `{ fsync: 'off' }`. */
  settings?: Record<string, string>
  /** The folder of another platform package, instead of the installed one. */
  platformPackage?: string
}

export type Cluster = {
  data: string
  log: string
  password: string
  account: Account | undefined
  binaries: Binaries
  settings: Record<string, string>
  /** The folder to remove at the end. */
  temporary: string | undefined
}

export const everything = { recursive: true, force: true, maxRetries: 5 }

export async function prepareCluster(options: StartOptions): Promise<Cluster> {
  const { directory, settings = {}, platformPackage } = options
  const account = unprivilegedAccount(directory)
  const binaries = postgresBinaries(account, platformPackage)
  const home = directory
    ? makeDirectory(directory)
    : mkdtempSync(join(reachablePlace(account), 'postgres-'))
  if (!directory) giveTo(home, account)
  const temporary = directory ? undefined : home
  try {
    const password = directory ? keptPassword(home) : randomBytes(24).toString('hex')
    const data = join(home, 'data')
    if (!existsSync(data)) await initialise(home, password, account, binaries, !!temporary)
    const major = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim()
    if (major !== binaries.major) {
      throw new Error(
        `${data} was made by Postgres ${major}, and this is Postgres ${binaries.version}.\n` +
          `To start afresh and load again, remove ${realpathSync(data)} and ${home}. ${otherServer}`,
      )
    }
    if (account && !canReach(realpathSync(data), account)) {
      throw new Error(
        `User ${account.uid}, whom Postgres runs as, cannot reach ${data} any more.\n` +
          `Open the folders above it (chmod o+x), or remove ${home} to load again. ${otherServer}`,
      )
    }
    const log = join(home, 'postgres.log')
    return { data: realpathSync(data), log, password, account, binaries, settings, temporary }
  } catch (error) {
    if (temporary) rmSync(temporary, everything)
    throw error
  }
}

/** Made once, whole at once, whoever else starts at the same time; only its owner can read it. */
function keptPassword(home: string): string {
  const file = join(home, 'password')
  if (!existsSync(file)) {
    if (existsSync(join(home, 'data'))) {
      throw new Error(`${file} is missing. To start afresh and load again, remove ${home}`)
    }
    const fresh = `${file}-${process.pid}`
    const line = `127.0.0.1:*:*:postgres:${randomBytes(24).toString('hex')}\n`
    writeFileSync(fresh, line, { mode: 0o600, flag: 'wx' })
    giveTo(fresh, ownerOf(home))
    try {
      linkSync(fresh, file)
    } catch (error) {
      if (!existsSync(file)) throw error
    } finally {
      rmSync(fresh)
    }
  }
  return readFileSync(file, 'utf8').trim().split(':').at(-1) ?? ''
}

/**
 * Makes the data directory aside and moves it into place when it is complete. Where the account
 * cannot reach the place, it lies below /var/tmp, and a link at the place says where.
 */
async function initialise(
  home: string,
  password: string,
  account: Account | undefined,
  { initdb, major }: Binaries,
  brief: boolean,
) {
  const data = join(home, 'data')
  const elsewhere = account !== undefined && !canReach(home, account)
  const base = elsewhere
    ? mkdtempSync(join(reachablePlace(account, '/var/tmp'), 'postgres-kept-'))
    : home
  if (elsewhere) chmodSync(base, 0o711)
  const aside = mkdtempSync(join(base, 'new-'))
  try {
    const passwordFile = join(aside, 'password')
    writeFileSync(passwordFile, password, { mode: 0o600 })
    giveTo(passwordFile, account)
    giveTo(aside, account)
    // Before 17 there is no locale that depends on no other program and knows letters too.
    const builtin = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8']
    const locale = ['--locale=C', ...(Number(major) >= 17 ? builtin : [])]
    await initdbRun(
      initdb,
      [
        '-D',
        join(aside, 'data'),
        '-U',
        'postgres',
        '-A',
        'scram-sha-256',
        '-E',
        'UTF8',
        ...locale,
      ].concat(`--pwfile=${passwordFile}`, '--no-instructions', brief ? '--no-sync' : []),
      account,
    )
    renameSync(join(aside, 'data'), join(base, 'data'))
    if (elsewhere) linkTo(join(base, 'data'), data)
  } catch (error) {
    if (elsewhere) rmSync(base, everything)
    if (!existsSync(data)) throw error // else another process was first
  } finally {
    rmSync(aside, everything)
  }
}

async function initdbRun(initdb: string, args: string[], account: Account | undefined) {
  const child = spawn(initdb, args, { ...account, cwd: '/', env: bareEnvironment })
  child.stdin.end()
  child.stdout.resume()
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const [code, errors] = await Promise.all([ended, text(child.stderr)])
  if (code === 0) return
  throw new Error(`initdb could not make a database:\n${errors.trim()}\n${otherServer}`)
}

/** A link that leads nowhere (/var/tmp was emptied) gives way; another process's does not. */
function linkTo(target: string, link: string) {
  try {
    symlinkSync(target, link)
  } catch (error) {
    if (existsSync(link)) throw error
    rmSync(link)
    symlinkSync(target, link)
  }
}
