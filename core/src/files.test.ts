import { spawn } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { nodeArguments } from '../fixtures/program.ts'
import { writeFileAtomic } from './files.ts'

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
