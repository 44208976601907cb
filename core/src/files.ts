import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/**
 * Replaces the file at once and for good: written beside it, fsynced, renamed, directory fsynced.
 * After a crash at any point the file is the old one or the new one, never a part. Mode 0600.
 */
export async function writeFileAtomic(path: string, text: string): Promise<void> {
  const directory = dirname(path)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  // A name may have 255 bytes, so a long one cannot be made longer.
  const start = basename(path).slice(0, 50)
  const beside = join(directory, `.${start}.${randomBytes(6).toString('hex')}`)
  let file: FileHandle | undefined
  try {
    file = await open(beside, 'wx', 0o600)
    await file.writeFile(text)
    await file.sync()
    await file.close()
    file = undefined
    await rename(beside, path)
  } catch (cause) {
    await file?.close().catch(() => {})
    await rm(beside, { force: true })
    throw cause
  }
  await syncDirectory(directory)
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
