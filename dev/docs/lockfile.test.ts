import { expect, test } from 'vitest'
import { read } from './generated.ts'

type Locked = Record<string, { optionalDependencies?: Record<string, string>; resolved?: string }>

const packages = (): Locked => JSON.parse(read('package-lock.json')).packages

test('the lock file knows every package of every platform, without which npm ci refuses it', () => {
  const names = Object.keys(packages()).map((path) => path.split('node_modules/').at(-1))
  for (const { optionalDependencies } of Object.values(packages()))
    expect(names).toEqual(expect.arrayContaining(Object.keys(optionalDependencies ?? {})))
})

test('the lock file names no address to download from', () => {
  for (const { resolved } of Object.values(packages())) expect(resolved ?? '').not.toMatch(/^http/)
})
