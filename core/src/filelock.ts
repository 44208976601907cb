import { createHash } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { makeDirectory } from './files.ts'
import {
  type Holder,
  LEASE_TIMES,
  look,
  newLeaseId,
  type Sighting,
  seekLease,
  UNKNOWN,
} from './lease.ts'
import { type Lock, lock, lockDigest, lockNamespace, tryLockDigest } from './lock.ts'

/** The right to write a file. */
export type FileLock = Lock & {
  /** False after another process has taken it over, because this one stood still for so long. */
  isHeld(): Promise<boolean>
}

/** Why there is no lock, for people. */
export type FileLockRefusal = {
  /** Who has it: 'process 12 on host a, since …'; empty where that is not known. */
  who: string
  /** When it is free again if its holder was killed out of sight; empty where that is seen at once. */
  ifKilled: string
}

export type FileLockOptions = {
  /** How long a holder that is alive is waited for; 0 unless said otherwise. */
  waitSeconds?: number
  signal?: AbortSignal
  /** Called once when there is reason to tell people that, and for whom, this waits. */
  onWait?: (who: string, ifKilled: string) => void
}

const POLL_MS = 100
const TELL_AFTER_MS = 2000

/**
 * Takes the lock of a file, also between machines and containers that share its folder: by a lease
 * in `.<name>.lock` beside it, which a killed process loses at once where its end can be seen, else
 * some 20 seconds later. Waits for a holder that is alive up to `waitSeconds`, and for one of which
 * that is not known until it is. Two links to the same file are two files here, so follow them
 * before. Throws when the folder cannot be written, and ConfigError where the lock is no file.
 */
export async function lockFile(
  path: string,
  { waitSeconds = 0, signal, onWait }: FileLockOptions = {},
): Promise<FileLock | FileLockRefusal> {
  const begin = performance.now()
  const place = leasePlace(path)
  const name = `file ${resolve(path)}`
  const near = await lock(name, waitSeconds, signal)
  if (near === undefined) return describe(look(place))
  try {
    makeDirectory(dirname(place))
    const own = newHolder(name)
    // Windows does not rename onto a file that is open: there the lease only tells who has the lock.
    if (process.platform === 'win32') return noteHolder(place, own, near)
    const prove = (holder: Holder) => proveLife(holder, own)
    const tryOnce = seekLease(place, own, prove)
    for (let isTold = false; ; await pause(POLL_MS)) {
      const found = await tryOnce()
      if ('release' in found)
        return { isHeld: found.isHeld, release: () => releaseBoth(found, near) }
      const waited = performance.now() - begin
      const mayWait = !found.isAlive || waited < waitSeconds * 1000
      if (signal?.aborted || !mayWait) {
        await near.release()
        return describe(found)
      }
      if (!isTold && waited >= TELL_AFTER_MS) {
        isTold = true
        const { who, ifKilled } = describe(found)
        onWait?.(who, ifKilled)
      }
    }
  } catch (cause) {
    await near.release()
    throw cause
  }
}

/** Who has the lock of a file now, as far as can be seen; undefined where nobody has. Takes nothing. */
export async function findLockHolder(path: string): Promise<FileLockRefusal | undefined> {
  const found = look(leasePlace(path))
  if (found === undefined) return undefined
  const { holder, signMs } = found
  if (holder.namespace !== undefined && holder.namespace === lockNamespace()) {
    const free = await tryLockDigest(String(holder.lock))
    await free?.release()
    if (free !== undefined) return undefined
  } else if (Date.now() - signMs > LEASE_TIMES.staleMs) return undefined
  return describe(found)
}

/** Beside the file; two files have two places, however long their names are. */
function leasePlace(path: string): string {
  const name = basename(resolve(path))
  const start = name.slice(0, 50)
  const rest =
    start === name ? '' : `.${createHash('sha256').update(name).digest('hex').slice(0, 12)}`
  return join(dirname(resolve(path)), `.${start}${rest}.lock`)
}

function newHolder(name: string): Holder {
  const namespace = lockNamespace()
  return {
    id: newLeaseId(),
    pid: process.pid,
    host: hostname(),
    since: new Date().toISOString(),
    ...(namespace !== undefined && { namespace, lock: lockDigest(name) }),
  }
}

/** Whoever lives has its name lock: a free one is the proof that its holder has ended. */
async function proveLife(holder: Holder, own: Holder): Promise<'alive' | 'dead' | undefined> {
  if (own.namespace === undefined || holder.namespace !== own.namespace) return undefined
  // Of the same name is only what this process has taken over with the name.
  if (holder.lock === own.lock) return 'dead'
  // Another way to the same folder, which has another name.
  const free = await tryLockDigest(String(holder.lock))
  await free?.release()
  return free === undefined ? 'alive' : 'dead'
}

async function releaseBoth(lease: { release(): void }, near: Lock): Promise<void> {
  lease.release()
  await near.release()
}

function noteHolder(place: string, own: Holder, near: Lock): FileLock {
  writeFileSync(place, JSON.stringify(own), { mode: 0o644 })
  const release = () => rmSync(place, { force: true })
  return { isHeld: async () => true, release: () => releaseBoth({ release }, near) }
}

function describe(found: Pick<Sighting, 'holder' | 'signMs'> | undefined): FileLockRefusal {
  const { holder, signMs } = found ?? { holder: UNKNOWN, signMs: 0 }
  if (holder === UNKNOWN && signMs === 0) return { who: '', ifKilled: '' }
  const isNear = holder.namespace !== undefined && holder.namespace === lockNamespace()
  const host = isNear ? '' : ` on host ${holder.host}`
  const who = holder === UNKNOWN ? '' : `process ${holder.pid}${host}, since ${holder.since}`
  if (isNear) return { who, ifKilled: '' }
  const last = new Date(signMs).toISOString()
  const ifKilled =
    `if it was killed, its lock counts as abandoned ${LEASE_TIMES.staleMs / 1000} s after its ` +
    `last sign of life (so far: ${last})`
  return { who, ifKilled }
}
