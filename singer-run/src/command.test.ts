import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findCommand, splitCommand } from './command.ts'

const words = (text: string): string[] => {
  const { name, args } = splitCommand(text)
  return [name, ...args]
}

test('a command line is split at blanks, and quotes hold words together', () => {
  expect(words('tap --config  a.json\n -c ENV ')).toEqual([
    'tap',
    '--config',
    'a.json',
    '-c',
    'ENV',
  ])
  expect(words(`tap -c "my tap.json" --x='a "b" c' '' d"e"'f'`)).toEqual([
    'tap',
    '-c',
    'my tap.json',
    '--x=a "b" c',
    '',
    'def',
  ])
})

test('a backslash takes the next character as it is, inside double quotes only where it must', () => {
  expect(words(String.raw`tap a\ b \"c "d\"e\\f\n" 'g\h'`)).toEqual([
    'tap',
    'a b',
    '"c',
    String.raw`d"e\f\n`,
    String.raw`g\h`,
  ])
  expect(words('tap a\\\n b')).toEqual(['tap', 'a', 'b'])
})

test('nothing but quotes is special: no variable, no glob, no tilde', () => {
  expect(words('tap $HOME *.json ~/x a|b')).toEqual(['tap', '$HOME', '*.json', '~/x', 'a|b'])
})

test.each([
  ['tap "a', /quote " is never closed/],
  ["tap 'a", /quote ' is never closed/],
  ['tap a\\', /ends with a backslash/],
  ['   ', /names no command/],
  ['"" a', /names no command/],
  ['tap > out.json', /no shell runs this, so > means nothing/],
  ['tap | jq', /no shell runs this, so \| means nothing/],
])('the command line %s is refused', (text, fault) => {
  expect(() => splitCommand(text)).toThrow(fault)
})

test('a shell word may be passed on in quotes', () => {
  expect(words(`tap '|' "&&" \\;`)).toEqual(['tap', '|', '&&', ';'])
})

test('a command is found on PATH first, then in node_modules/.bin here and above', () => {
  const root = mkdtempSync(join(tmpdir(), 'command-'))
  const program = (...path: string[]): string => {
    const file = join(root, ...path)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, '#!/bin/sh\n')
    chmodSync(file, 0o755)
    return file
  }
  const inBin = program('node_modules', '.bin', 'tap-of-this-test')
  const places = { cwd: join(root, 'a', 'b'), path: '', script: undefined }
  expect(findCommand('tap-of-this-test', places)).toBe(inBin)

  const onPath = program('path', 'tap-of-this-test')
  expect(findCommand('tap-of-this-test', { ...places, path: `:${join(root, 'path')}` })).toBe(
    onPath,
  )

  const beside = program('global', 'target-of-this-test')
  expect(findCommand('target-of-this-test', places)).toBeUndefined()
  const script = join(root, 'global', 'singer-run')
  expect(findCommand('target-of-this-test', { ...places, script })).toBe(beside)
})

test('a path is taken from the working directory, and must be a program', () => {
  const root = mkdtempSync(join(tmpdir(), 'command-'))
  const file = join(root, 'tap')
  writeFileSync(file, '#!/bin/sh\n', { mode: 0o644 })
  const places = { cwd: root, path: root, script: undefined }
  expect(findCommand('./tap', places)).toBeUndefined()
  expect(findCommand('tap', places)).toBeUndefined()
  chmodSync(file, 0o755)
  expect(findCommand('./tap', places)).toBe(file)
  expect(findCommand(file, { ...places, cwd: '/' })).toBe(file)
  expect(findCommand('.', places)).toBeUndefined()
})
