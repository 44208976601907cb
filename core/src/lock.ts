import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { hostname, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { makeDirectory } from './files.ts'

/** A lock that is held until `release`, or until the process ends in whatever way. */
export type Lock = { release(): Promise<void> }

/**
 * Takes the lock of that name on this machine, or gives undefined when another process has it.
 * Linux: an abstract Unix socket, which the kernel frees even after kill -9; containers do not see
 * each other's (lockFile does more). Elsewhere: a file with the holder's process id, which counts
 * as free once that process is gone.
 */
export function tryLock(name: string): Promise<Lock | undefined> {
  return tryLockDigest(lockDigest(name))
}

/** What stands for a name among locks. */
export function lockDigest(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 40)
}

/** As tryLock, of a name of which only the digest is known. */
export async function tryLockDigest(digest: string): Promise<Lock | undefined> {
  return process.platform === 'linux' ? lockSocket(digest) : lockPidFile(digest)
}

/**
 * What is the same for all processes that see each other's locks, and for no others; undefined
 * where that cannot be known.
 */
export function lockNamespace(): string | undefined {
  if (process.platform !== 'linux') return `${hostname()} ${FOLDER}`
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${hostname()} ${boot} ${readlinkSync('/proc/self/ns/net')}`
  } catch {
    return undefined
  }
}

/** Takes the lock, waiting for its holder; undefined after `waitSeconds` or when `signal` aborts. */
export async function lock(
  name: string,
  waitSeconds: number,
  signal?: AbortSignal,
): Promise<Lock | undefined> {
  const end = performance.now() + waitSeconds * 1000
  for (;;) {
    if (signal?.aborted) return undefined
    const held = await tryLock(name)
    if (held !== undefined) return held
    if (performance.now() >= end) return undefined
    await pause(25)
  }
}

function lockSocket(digest: string): Promise<Lock | undefined> {
  return new Promise((resolveLock, reject) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EADDRINUSE') resolveLock(undefined)
      else reject(cause)
    })
    server.listen({ path: `\0singer-io-ts/${digest}` }, () => {
      server.unref()
      resolveLock({ release: () => new Promise((done) => server.close(() => done())) })
    })
  })
}

const FOLDER = join(tmpdir(), 'singer-io-ts')

async function lockPidFile(digest: string): Promise<Lock | undefined> {
  const path = join(FOLDER, `${digest}.lock`)
  makeDirectory(dirname(path))
  for (let tries = 0; tries < 2; tries++) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx', mode: 0o600 })
      return { release: async () => rmSync(path, { force: true }) }
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
      if (isAlive(path)) return undefined
      rmSync(path, { force: true })
    }
  }
  return undefined
}

function isAlive(path: string): boolean {
  try {
    process.kill(Number(readFileSync(path, 'utf8')), 0)
    return true
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === 'EPERM'
  }
}
