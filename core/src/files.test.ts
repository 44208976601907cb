import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { nodeArguments } from '../fixtures/program.ts'
import { makeDirectory, removeLeftovers, reserveFile, writeFileAtomic } from './files.ts'

const folder = (): string => mkdtempSync(join(tmpdir(), 'core-files-'))

test('a file and its folders are made, for nobody else to read', async () => {
  const path = join(folder(), 'a', 'b', 'file')
  await writeFileAtomic(path, 'é\n')
  expect(readFileSync(path, 'utf8')).toBe('é\n')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700)
})

test('the new file is 0600 also where the old one was open to all, and nothing is left beside', async () => {
  const path = join(folder(), 'file')
  writeFileSync(path, 'a longer old text')
  chmodSync(path, 0o644)
  await writeFileAtomic(path, 'new')
  expect(readFileSync(path, 'utf8')).toBe('new')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readdirSync(join(path, '..'))).toEqual(['file'])
})

test('when writing fails the old file stays and nothing is left beside it', async () => {
  const path = join(folder(), 'file')
  mkdirSync(path)
  writeFileSync(join(path, 'old'), 'old')
  await expect(writeFileAtomic(path, 'new')).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/)
  expect(readFileSync(join(path, 'old'), 'utf8')).toBe('old')
  expect(readdirSync(join(path, '..'))).toEqual(['file'])

  const file = join(folder(), 'file')
  writeFileSync(file, 'old')
  await expect(writeFileAtomic(join(file, 'in a file'), 'new')).rejects.toThrow(/ENOTDIR|EEXIST/)
  expect(readFileSync(file, 'utf8')).toBe('old')
})

test('a file whose name is as long as names may be can be written', async () => {
  const path = join(folder(), 'x'.repeat(255))
  await writeFileAtomic(path, 'new')
  expect(readFileSync(path, 'utf8')).toBe('new')
})

test('what a killed writer of the file has left is removed, and nothing else', async () => {
  const path = join(folder(), 'file')
  await writeFileAtomic(path, 'old')
  for (const name of ['.file.0123456789zz', '.file.old', '.file2.0123456789ab', 'other'])
    writeFileSync(join(path, '..', name), 'kept')
  const before = readdirSync(join(path, '..'))
  // As a killed process leaves it: neither committed nor discarded.
  const left = await reserveFile(path, 100)
  expect(readdirSync(join(path, '..')).length).toBe(before.length + 1)
  removeLeftovers(path)
  expect(readdirSync(join(path, '..'))).toEqual(before)
  expect(readFileSync(path, 'utf8')).toBe('old')
  await left.discard()
  removeLeftovers(join(path, '..', 'no', 'such'))

  const long = join(folder(), 'x'.repeat(60))
  const unknown = await reserveFile(long, 100)
  removeLeftovers(long)
  await unknown.commit('written')
})

test('what was taken for a leftover while it was written is written all the same', async () => {
  const path = join(folder(), 'file')
  const reserved = await reserveFile(path, 100)
  removeLeftovers(path)
  await reserved.commit('new')
  expect(readFileSync(path, 'utf8')).toBe('new')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readdirSync(join(path, '..'))).toEqual(['file'])
})

test('of several writers at once one wins, whole', async () => {
  const path = join(folder(), 'file')
  const texts = Array.from({ length: 20 }, (_, i) => String(i).repeat(10_000))
  await Promise.all(texts.map((text) => writeFileAtomic(path, text)))
  expect(texts).toContain(readFileSync(path, 'utf8'))
  expect(readdirSync(join(path, '..'))).toEqual(['file'])
})

test('whoever reads while it is written, or after kill -9, finds a whole file', async () => {
  const path = join(folder(), 'file')
  const child = spawn(process.execPath, nodeArguments('rewrite', path), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  await new Promise((resolve) => child.stdout.once('data', resolve))
  const ended = new Promise((resolve) => child.once('close', resolve))
  const seen = new Set<string>()
  const look = (): void => {
    const text = readFileSync(path, 'utf8')
    expect(text).toMatch(/^(a{300000}|b{300000})$/)
    seen.add(text.slice(0, 1))
  }
  while (seen.size < 2) look()
  for (let i = 0; i < 50; i++) look()
  child.kill('SIGKILL')
  await ended
  look()
})

test('directories are made with their parents; one that is there is fine, a file is not', () => {
  const root = folder()
  const path = join(root, 'a', 'b', 'c')
  makeDirectory(path)
  makeDirectory(path)
  makeDirectory('.')
  makeDirectory('/')
  for (const made of [path, join(path, '..')]) expect(statSync(made).mode & 0o777).toBe(0o700)
  symlinkSync(path, join(root, 'link'))
  makeDirectory(join(root, 'link'))
  makeDirectory(join(root, 'link', 'd'))
  expect(readdirSync(path)).toEqual(['d'])
  writeFileSync(join(root, 'file'), '')
  expect(() => makeDirectory(join(root, 'file'))).toThrow(/EEXIST/)
  expect(() => makeDirectory(join(root, 'file', 'x', 'y'))).toThrow(/ENOTDIR|ENOENT|EEXIST/)
  symlinkSync('nowhere', join(root, 'dangling'))
  expect(() => makeDirectory(join(root, 'dangling', 'x'))).toThrow(/EEXIST/)
})

// In a process of its own: Node's own recursive mkdir never returns from there.
test.skipIf(process.platform !== 'linux')('a directory under /proc is refused at once', () => {
  const run = spawnSync(process.execPath, nodeArguments('reserve', '/proc/nope/a/file'), {
    encoding: 'utf8',
    timeout: 20_000,
    killSignal: 'SIGKILL',
  })
  expect(run.stdout).toBe('ENOENT\n')
})

test('a reserved file takes its space beside, then the place, with the text alone', async () => {
  const path = join(folder(), 'file')
  writeFileSync(path, 'old')
  for (const text of ['é short', '', 'longer than what was reserved '.repeat(10_000)]) {
    const before = readFileSync(path, 'utf8')
    const reserved = await reserveFile(path, 100_000)
    const [beside = ''] = readdirSync(join(path, '..')).filter((name) => name !== 'file')
    const { size, mode } = statSync(join(path, '..', beside))
    expect([size, mode & 0o777]).toEqual([100_000, 0o600])
    expect(readFileSync(path, 'utf8')).toBe(before)
    await reserved.commit(text)
    expect(readFileSync(path, 'utf8')).toBe(text)
    expect(readdirSync(join(path, '..'))).toEqual(['file'])
  }
})

test('a reserved file that is discarded, or cannot take its place, leaves nothing', async () => {
  const path = join(folder(), 'file')
  await (await reserveFile(path, 10)).discard()
  expect(readdirSync(join(path, '..'))).toEqual([])

  const reserved = await reserveFile(path, 10)
  mkdirSync(path)
  await expect(reserved.commit('new')).rejects.toThrow(/EISDIR|EEXIST|EPERM/)
  await reserved.discard()
  expect(readdirSync(join(path, '..'))).toEqual(['file'])
})

test.skipIf(process.platform === 'win32')('what there is no space for is not reserved', () => {
  const path = join(folder(), 'file')
  const reserve = (bytes: number): string =>
    spawnSync(
      'sh',
      ['-c', 'ulimit -f 64 && exec "$@"', 'sh', process.execPath].concat(
        nodeArguments('reserve', path, String(bytes), 'new'),
      ),
      { encoding: 'utf8', env: { ...process.env, TSX_DISABLE_CACHE: '1' } },
    ).stdout
  expect(reserve(1_000_000)).toBe('EFBIG\n')
  expect(readdirSync(join(path, '..'))).toEqual([])
  expect(reserve(10_000)).toBe('reserved\ncommitted\n')
})

/** Runs in a mount namespace of its own, where the directory is a disk of 256 kB. */
const onSmallDisk = (directory: string, ...command: string[]) =>
  spawnSync(
    'unshare',
    ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=256k none "$1" && shift && exec "$@"', 'sh'].concat(
      directory,
      command,
    ),
    { encoding: 'utf8' },
  )

test('a disk that is full is noticed when reserving, and does not hinder what is reserved', ({
  skip,
}) => {
  const disk = folder()
  const tried = onSmallDisk(disk, 'true')
  if (tried.status !== 0) skip(`no small disk here: ${tried.error?.message ?? tried.stderr}`)
  const reserve = (bytes: number): string =>
    onSmallDisk(
      disk,
      process.execPath,
      ...nodeArguments('reserve', join(disk, 'file'), String(bytes), 'x'.repeat(50_000)),
      join(disk, 'filler'),
    ).stdout
  expect(reserve(1_000_000)).toBe('ENOSPC\n')
  expect(reserve(50_000)).toBe('reserved\nfilled ENOSPC\ncommitted\n')
  expect(reserve(0)).toBe('reserved\nfilled ENOSPC\nENOSPC\n')
})
