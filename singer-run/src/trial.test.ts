import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Life } from '@singer-io-ts/core'
import { expect, onTestFinished, test } from 'vitest'
import { folder, startCli } from '../fixtures/start.ts'
import { tryProgram } from './trial.ts'

const life = { environment: process.env, signal: new AbortController().signal } as Life

function script(name: string, lines: string): string {
  const file = join(folder(), name)
  writeFileSync(file, `#!/bin/sh\n${lines}\n`)
  chmodSync(file, 0o755)
  return file
}

const outcomes = async (tap: string) =>
  (await tryProgram('tap', tap, life)).checks.map(({ check, outcome, found }) => [
    `${outcome} ${check}`,
    found,
  ])

// The process that holds the pipe lives for longer than that.
test('a program is known at its end, whoever holds its pipe then', {
  timeout: 60_000,
}, async () => {
  const pid = join(folder(), 'pid')
  onTestFinished(() => {
    if (existsSync(pid)) process.kill(Number(readFileSync(pid, 'utf8')))
  })
  const file = script('tap-x', `sleep 900 & echo $! > ${pid}; echo "tap-x 1.0"`)
  expect((await outcomes(file))[0]).toEqual(['ok program', `tap-x 1.0 (${file})`])
})

test('a flag that our own program does not know is a failure, by its own last line', async () => {
  expect(await outcomes('tap-quickbooks --config q.json --bogus')).toEqual([
    ['fail program', expect.stringMatching(/bogus/)],
  ])
})

test('a test that ends well and tells nothing is a failure', async () => {
  const about = `'{"name":"tap-quickbooks","sdk_version":null}'`
  const file = script(
    'tap-quickbooks',
    `case $1 in --version) echo tap-quickbooks 1.0;; --about) echo ${about};; esac`,
  )
  expect((await outcomes(file))[1]).toEqual([
    'fail settings',
    '--test ended well, but told of no check',
  ])
})

test('what a program tells as its version is shown without controls and secrets', async () => {
  const file = script('tap-x', `printf 'tap \\033[31m 1.0 password=SEKRET\\n'`)
  const flags = [
    '--tap',
    file,
    '--target',
    'none-of-this-name',
    '--state',
    join(folder(), 's.json'),
  ]
  const run = startCli(['doctor', ...flags])
  expect(await run.ended).toBe(9)
  expect(run.stdout()).toContain('tap \\x1b[31m 1.0 password=***')
})
