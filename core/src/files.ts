import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { type FileHandle, open, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** A file that is not yet there, but whose space is. Ends with one of the two. */
export type ReservedFile = {
  /** Puts the text in place, as writeFileAtomic does. When that fails, nothing is left of it. */
  commit(text: string, check?: () => Promise<void>): Promise<void>
  /** Gives the space back; the file at the path stays as it is. */
  discard(): Promise<void>
}

/**
 * Replaces the file at once and for good: written beside it, fsynced, renamed, directory fsynced.
 * After a crash at any point the file is the old one or the new one, never a part. Mode 0600.
 * `check` is called last before the file is replaced; where it throws, the file stays as it is.
 */
export async function writeFileAtomic(
  path: string,
  text: string,
  check?: () => Promise<void>,
): Promise<void> {
  const reserved = await reserveFile(path, 0)
  await reserved.commit(text, check)
}

/**
 * The first half of writeFileAtomic: fails when the file cannot be written or there is no space
 * for so many bytes, so that a later `commit` of a text no longer than that finds its space even
 * when the disk has become full. (Not on a file system that never overwrites in place.)
 */
export async function reserveFile(path: string, bytes: number): Promise<ReservedFile> {
  const directory = dirname(path)
  makeDirectory(directory)
  const beside = join(directory, `${besideStart(path)}${randomBytes(6).toString('hex')}`)
  const file = await open(beside, 'wx', 0o600)
  const discard = async (): Promise<void> => {
    await file.close().catch(() => {})
    await rm(beside, { force: true })
  }
  const orDiscard = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (cause) {
      await discard().catch(() => {})
      throw cause
    }
  }
  await orDiscard(async () => {
    if (bytes === 0) return
    await overwrite(file, Buffer.alloc(bytes))
    await file.sync()
  })
  return {
    async commit(text, check) {
      await orDiscard(async () => {
        const content = Buffer.from(text)
        await overwrite(file, content)
        await file.truncate(content.length)
        await file.sync()
        await file.close()
        await check?.()
        await rename(beside, path).catch(async (cause) => {
          if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
          // A program that does not see our lock, as in another container, took it for a leftover.
          await writeFile(beside, content, { mode: 0o600, flag: 'wx', flush: true })
          await check?.()
          await rename(beside, path)
        })
      })
      await syncDirectory(directory)
    },
    discard,
  }
}

/** How the name of a file begins that is written beside `path`. */
function besideStart(path: string): string {
  // A name may have 255 bytes, so a long one cannot be made longer.
  return `.${basename(path).slice(0, NAME_PART)}.`
}

const NAME_PART = 50

/**
 * Removes what programs that were killed while they wrote this file have left beside it. Only under
 * a lock of the file, since what a running program writes looks the same.
 */
export function removeLeftovers(path: string): void {
  // The rest of a longer name may be another file's.
  if (basename(path).length > NAME_PART) return
  const directory = dirname(path)
  const start = besideStart(path)
  let names: string[] = []
  try {
    names = readdirSync(directory)
  } catch {
    // Whoever writes the file next says what is wrong with its directory.
  }
  for (const name of names)
    if (name.startsWith(start) && /^[0-9a-f]{12}$/.test(name.slice(start.length)))
      rmSync(join(directory, name), { force: true })
}

/**
 * Makes the directory and the parents it lacks, for nobody else to read. As mkdir with `recursive`,
 * which never returns where the system says ENOENT though the parent is there, as /proc does.
 */
export function makeDirectory(path: string): void {
  try {
    makeOne(path)
  } catch (cause) {
    const parent = dirname(path)
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT' || parent === path) throw cause
    makeDirectory(parent)
    makeOne(path)
  }
}

function makeOne(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (cause) {
    // Not every system says EEXIST of a directory that is there, such as a root.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw cause
  }
}

/** Writes from the start of the file, whatever is there. */
async function overwrite(file: FileHandle, content: Buffer): Promise<void> {
  for (let at = 0; at < content.length; ) {
    at += (await file.write(content, at, content.length - at, at)).bytesWritten
  }
}

async function syncDirectory(directory: string): Promise<void> {
  // Windows cannot open a directory; its rename is durable enough.
  if (process.platform === 'win32') return
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
