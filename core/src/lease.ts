import { randomBytes } from 'node:crypto'
import {
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { ConfigError } from './errors.ts'

/** Who has a lease, as it stands in the lease's file. */
export type Holder = {
  /** Of this one lease, never used again: names the claim to succeed it. */
  id: string
  pid: number
  host: string
  /** ISO 8601, by the holder's clock. */
  since: string
  /** Among whom the name lock of this digest tells whether the holder lives. */
  namespace?: string
  lock?: string
}

export type Lease = {
  /** Gives a sign of life, and says whether the lease is still this one. */
  isHeld(): Promise<boolean>
  release(): void
}

/** Somebody else's lease. */
export type Sighting = {
  holder: Holder
  /** Of the last sign of life, by the clock of the file system. */
  signMs: number
  isAlive: boolean
}

/**
 * How often the holder gives a sign of life; how long a silent one is watched, and how old its
 * last sign is when the lease counts as abandoned. The last leaves room for a process that is busy.
 */
export const LEASE_TIMES: LeaseTimes = { beatMs: 3000, watchMs: 4000, staleMs: 20_000 }

export type LeaseTimes = { beatMs: number; watchMs: number; staleMs: number }

type Found = { holder: Holder; signMs: number }

/** A lease whose file cannot be read. */
export const UNKNOWN: Holder = { id: 'unknown', pid: 0, host: '', since: '' }

export function newLeaseId(): string {
  return randomBytes(8).toString('hex')
}

/**
 * Seeks the lease that the file at `place` is: each call tries once. The file names its holder and
 * is touched while that lives. It is changed only by renaming a claim onto it, `<place>.<id>`, which
 * one process alone can make for each lease that was: so of many that seek one gets it. Only the
 * clock of the file system counts, so machines with other clocks may share it. `prove` says of a
 * holder whether it lives, where that can be known. Throws where the folder cannot be written.
 */
export function seekLease(
  place: string,
  own: Holder,
  prove: (holder: Holder) => Promise<'alive' | 'dead' | undefined>,
  times: LeaseTimes = LEASE_TIMES,
): () => Promise<Lease | Sighting> {
  const watched = new Map<string, { signMs: number; fromMs: number; isAlive: boolean }>()

  async function judge(path: string, { holder, signMs }: Found): Promise<'alive' | 'dead' | '?'> {
    const proof = await prove(holder)
    if (proof !== undefined) return proof
    const key = `${path} ${holder.id}`
    const nowMs = performance.now()
    let seen = watched.get(key)
    if (seen?.signMs !== signMs) {
      seen = { signMs, fromMs: nowMs, isAlive: seen !== undefined }
      watched.set(key, seen)
    }
    const silentMs = nowMs - seen.fromMs
    if (silentMs >= times.staleMs) return 'dead'
    // Watched as well, since the clock of the file system may have leapt.
    if (silentMs >= times.watchMs && fileSystemNow(place) - signMs > times.staleMs) return 'dead'
    return seen.isAlive ? 'alive' : '?'
  }

  return async () => {
    const found = look(place)
    if (found !== undefined) {
      const verdict = await judge(place, found)
      if (verdict !== 'dead') return { ...found, isAlive: verdict === 'alive' }
    }
    const claim = `${place}.${found?.holder.id ?? 'free'}`
    const file = writeClaim(claim, own)
    if (file === undefined) {
      // Its maker renames it in the same moment, unless that was its last.
      const rival = look(claim)
      if (rival === undefined) return { holder: UNKNOWN, signMs: 0, isAlive: false }
      if ((await judge(claim, rival)) === 'dead') rmSync(claim, { force: true })
      return { ...rival, isAlive: false }
    }
    try {
      // This process, too, may have stood still since it looked.
      const still = look(place)
      const isSame = still?.holder.id === found?.holder.id && still?.signMs === found?.signMs
      if (isSame) ifThere(() => renameSync(claim, place))
      else rmSync(claim, { force: true })
    } catch (cause) {
      closeSync(file)
      rmSync(claim, { force: true })
      throw cause
    }
    const now = look(place)
    if (now?.holder.id === own.id) return keepLease(place, own, file, times.beatMs)
    closeSync(file)
    return { ...(now ?? { holder: UNKNOWN, signMs: 0 }), isAlive: false }
  }
}

/** Windows has no such thing; elsewhere a pipe that nobody writes into would be waited for. */
const NO_WAIT = constants.O_NONBLOCK ?? 0

/**
 * The holder that a lease's file names, and its last sign of life; undefined where none is. Throws
 * ConfigError where something stands there that is no file.
 */
export function look(place: string): Found | undefined {
  return ifThere(() => {
    try {
      const file = openSync(place, constants.O_RDONLY | NO_WAIT)
      try {
        // Opened first: so a file system on the network asks its server.
        if (!fstatSync(file).isFile()) throw noFile(place)
        return { holder: readHolder(readFileSync(file, 'utf8')), signMs: fstatSync(file).mtimeMs }
      } finally {
        closeSync(file)
      }
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      // So a socket is refused.
      if (code === 'ENXIO') throw noFile(place)
      if (code !== 'EACCES') throw cause
      return { holder: UNKNOWN, signMs: statSync(place).mtimeMs }
    }
  })
}

function noFile(place: string): ConfigError {
  return new ConfigError([`the lock ${place} is a directory, a pipe or the like, not a file`], {
    hint: 'Remove it, or move it away: the next run makes a file there.',
  })
}

function keepLease(place: string, own: Holder, file: number, beatMs: number): Lease {
  removeOldClaims(place, own)
  let isReleased = false
  /** Written, not touched: only then is the time that of the file system. */
  const beat = async (): Promise<void> => {
    if (isReleased) return
    try {
      writeSync(file, format(own), 0)
      await promisify(fdatasync)(file)
    } catch {
      // Without signs of life it will be taken over, which isHeld tells.
    }
  }
  const timer = setInterval(() => void beat(), beatMs).unref()
  const claim = `${place}.${own.id}`
  const release = (): void => {
    if (isReleased) return
    isReleased = true
    clearInterval(timer)
    process.off('exit', release)
    closeSync(file)
    try {
      // With the claim in hand nobody else can take it over in between. Who has it, has the lease.
      const last = writeClaim(claim, own)
      if (last === undefined) return
      closeSync(last)
      if (look(place)?.holder.id === own.id) rmSync(place, { force: true })
      rmSync(claim, { force: true })
    } catch {
      // It will count as abandoned.
    }
  }
  process.on('exit', release)
  return {
    async isHeld() {
      await beat()
      return !isReleased && look(claim) === undefined && look(place)?.holder.id === own.id
    },
    release,
  }
}

/** What those left that were killed in the moment of a claim: no claim to an old lease counts. */
function removeOldClaims(place: string, own: Holder): void {
  const start = `${basename(place)}.`
  for (const name of readdirSync(dirname(place)))
    if (
      name.startsWith(start) &&
      name !== `${start}${own.id}` &&
      /^([0-9a-f]{16}|free|unknown|now)$/.test(name.slice(start.length))
    )
      rmSync(join(dirname(place), name), { force: true })
}

/** Makes the file and leaves it open; undefined where there is one. */
function writeClaim(path: string, own: Holder): number | undefined {
  let file: number
  try {
    file = openSync(path, 'wx', 0o644)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
    return undefined
  }
  try {
    writeSync(file, format(own))
  } catch (cause) {
    closeSync(file)
    rmSync(path, { force: true })
    throw cause
  }
  return file
}

/** The time as the file system has it. */
function fileSystemNow(place: string): number {
  const path = `${place}.now`
  const { O_WRONLY, O_CREAT, O_TRUNC } = constants
  const file = openSync(path, O_WRONLY | O_CREAT | O_TRUNC | NO_WAIT)
  try {
    writeSync(file, '.')
    return fstatSync(file).mtimeMs
  } finally {
    closeSync(file)
    rmSync(path, { force: true })
  }
}

function format(holder: Holder): string {
  return `${JSON.stringify(holder)}\n`
}

function readHolder(text: string): Holder {
  try {
    const found = JSON.parse(text) as Holder
    if (/^[0-9a-f]{16}$/.test(found.id)) return found
  } catch {
    // Cut off by the end of a machine, or no lease at all.
  }
  return UNKNOWN
}

/** What the task gives, or undefined when its file is not there. */
function ifThere<T>(task: () => T): T | undefined {
  try {
    return task()
  } catch (cause) {
    if (!['ENOENT', 'ESTALE'].includes(String((cause as NodeJS.ErrnoException).code))) throw cause
    return undefined
  }
}
