import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { expect, test } from 'vitest'
import { folder, openWorld, type Run, startTap, type World } from '../fixtures/tap.ts'
import { toConfig } from './config.ts'

const kept = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>

const small = { invoices: 1, customers: 0, items: 0, limits: false } as const

/** Refused as a fault of the settings, before any request, with these words. */
function expectRefused(world: World, run: Run, words: RegExp): void {
  expect([run.code, run.stdout]).toEqual([1, ''])
  expect(run.stderr).toMatch(words)
  expect(run.stderr.trimEnd().split('\n').at(-1)).toMatch(/^CRITICAL /)
  expect(world.simulator.stats().requests).toBe(0)
}

/** A run whose token_file lies where the environment says. */
function runAt(world: World, environment: Record<string, string>, settings = {}): Promise<Run> {
  const nowhere = { ...world.settings, ...settings, token_file: null }
  return startTap(['-c', world.file('config.json', nowhere)], environment).ended
}

test.concurrent('nobody is told to remove a token_file that cannot be looked at', async () => {
  const world = await openWorld(small)
  const path = join(world.directory, 'token.json')
  symlinkSync(path, path)
  const run = await world.run({ settings: { token_file: path } })
  expectRefused(world, run, /^ERROR token_file \S+: ELOOP.*/m)
  expect(run.stderr).toMatch(/Do not remove it: it may hold the only refresh token/)
})

test.concurrent('a token_file that is the file of --config, --state or --catalog is refused, and kept', async () => {
  const world = await openWorld(small)
  for (const flag of ['--config', '--state', '--catalog']) {
    const path = world.file('file.json', {})
    const link = join(world.directory, `link-to-${flag}`)
    symlinkSync(path, link)
    const settings = { ...world.settings, token_file: link }
    const empty = flag === '--catalog' ? { streams: [] } : {}
    const content = JSON.stringify(flag === '--config' ? settings : empty)
    writeFileSync(path, content)
    const config = flag === '--config' ? [] : ['--config', world.file('config.json', settings)]
    const run = await world.run({ args: [...config, flag, path] })
    expectRefused(world, run, new RegExp(`^ERROR token_file: is the file of ${flag}, `, 'm'))
    expect(readFileSync(path, 'utf8')).toBe(content)
  }
})

for (const [text, words] of [
  ['{"refresh_tok', /is not JSON, and would be overwritten/],
  ['[]', /is not a JSON object/],
  ['null', /is not a JSON object/],
  ['{}', /holds something else than tokens \(nothing\)/],
  ['{"fingerprint":1}', /holds something else than tokens \(fingerprint\)/],
  [
    '{"client_id":"a","client_secret":"hidden-word","refresh_token":"hidden-word"}',
    /holds something else than tokens \(client_id, client_secret, refresh_token\)/,
  ],
  ['{"bookmarks":{}}', /holds something else than tokens \(bookmarks\)/],
] as const)
  test.concurrent(`a token_file that holds ${text} is refused, and kept`, async () => {
    const world = await openWorld(small)
    writeFileSync(world.tokenFile, text)
    for (const settings of [{}, { token_command: 'echo token' }]) {
      const run = await world.run({ settings })
      expectRefused(world, run, new RegExp(`^ERROR token_file ${world.tokenFile}: `, 'm'))
      expect(run.stderr).toMatch(words)
      expect(run.stderr).not.toContain('hidden-word')
    }
    expect(readFileSync(world.tokenFile, 'utf8')).toBe(text)
  })

test.concurrent('a token_file that is a directory or a device is refused by name', async () => {
  const world = await openWorld(small)
  const isDirectory = await world.run({ settings: { token_file: world.directory } })
  expectRefused(world, isDirectory, /^ERROR token_file .*: is a directory$/m)
  const isDevice = await world.run({ settings: { token_file: '/dev/null' } })
  expectRefused(world, isDevice, /^ERROR token_file \/dev\/null: is no ordinary file$/m)
})

test.concurrent('an empty token_file is as good as none', async () => {
  const world = await openWorld(small)
  writeFileSync(world.tokenFile, '\n')
  expect((await world.run()).code).toBe(0)
  expect(kept(world.tokenFile).refresh_token).toBe(world.simulator.tokens.refreshToken())
})

test.concurrent('a token_file of another company is refused, and its tokens stay', async () => {
  const one = await openWorld(small)
  const other = await openWorld({ ...small, realmId: '4620816365' }, { token_file: one.tokenFile })
  expect((await one.run()).code).toBe(0)
  const before = readFileSync(one.tokenFile, 'utf8')
  expect(kept(one.tokenFile).realm_id).toBe(one.simulator.config.realm_id)
  const run = await other.run()
  expectRefused(
    other,
    run,
    /holds the tokens of company 9341457021722203, realm_id is 4620816365$/m,
  )
  expect(run.stderr).toMatch(/Give each company a token_file of its own/)
  expect(readFileSync(one.tokenFile, 'utf8')).toBe(before)
  expect((await one.run()).code).toBe(0)
})

test.concurrent('a token_file without a realm_id is taken over', async () => {
  const world = await openWorld(small)
  expect((await world.run()).code).toBe(0)
  const { realm_id: _, ...others } = kept(world.tokenFile)
  writeFileSync(
    world.tokenFile,
    JSON.stringify({ ...others, access_token_expires_at: '2020-01-01' }),
  )
  expect((await world.run()).code).toBe(0)
  expect(kept(world.tokenFile).realm_id).toBe(world.simulator.config.realm_id)
  expect(world.simulator.tokens.counts).toMatchObject({ refreshes: 2, refused: 0 })
})

for (const where of ['token_file', 'XDG_STATE_HOME'])
  test.concurrent(`whoever corrects a wrong realm_id goes on with the token that was kept (${where})`, async () => {
    const world = await openWorld(small)
    const { tokens } = world.simulator
    const home = join(folder(), 'state')
    const run = (settings = {}) =>
      where === 'token_file'
        ? world.run({ settings })
        : runAt(world, { XDG_STATE_HOME: home }, settings)
    expect((await run({ realm_id: '123' })).code).toBe(3)
    const spent = tokens.counts.refreshes
    expect((await run()).code).toBe(0)
    tokens.expireAccessTokens()
    expect((await run()).code).toBe(0)
    // One that was good for long, then a mistake and its correction.
    expect((await run({ realm_id: '123' })).code).toBe(3)
    expect((await run()).code).toBe(0)
    expect(tokens.counts.refused).toBe(0)
    expect(tokens.counts.refreshes).toBeGreaterThan(spent)
    const files = where === 'token_file' ? [] : readdirSync(join(home, 'tap-quickbooks'))
    expect(files.length).toBeLessThan(2)
  })

test.concurrent('the file of another connection is not taken for that of a wrong realm_id', async () => {
  const world = await openWorld(small)
  const home = join(folder(), 'state')
  const directory = join(home, 'tap-quickbooks')
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'a.json'), 'not JSON')
  writeFileSync(
    join(directory, 'b.json'),
    JSON.stringify({ fingerprint: 'other', refresh_token: 'x', access_token: 'x' }),
  )
  expect((await runAt(world, { XDG_STATE_HOME: home })).code).toBe(0)
  expect(readdirSync(directory).sort()).toEqual([
    `${world.simulator.config.realm_id}.json`,
    'a.json',
    'b.json',
  ])
})

test.concurrent('an XDG_STATE_HOME that is relative or empty does not count, ~/ is the home directory', async () => {
  const world = await openWorld(small)
  const name = join('tap-quickbooks', `${world.simulator.config.realm_id}.json`)
  const token = () => world.simulator.config.refresh_token
  for (const XDG_STATE_HOME of ['state', '', './state']) {
    const HOME = folder()
    const run = await runAt(world, { HOME, XDG_STATE_HOME }, { refresh_token: token() })
    expect(run.code).toBe(0)
    expect(kept(join(HOME, '.local', 'state', name)).refresh_token).toBe(token())
  }
  const HOME = folder()
  const settings = { refresh_token: token(), token_file: '~/deep/token.json' }
  const run = await world.run({ settings, environment: { HOME } })
  expect(run.code).toBe(0)
  expect(kept(join(HOME, 'deep', 'token.json')).refresh_token).toBe(token())
})

for (const token_file of ['~', '~/', '~root/token.json', '~token.json'])
  test.concurrent(`token_file ${token_file} is refused: no shell has seen it`, async () => {
    const world = await openWorld(small)
    const run = await world.run({ settings: { token_file } })
    expectRefused(world, run, /^ERROR token_file: only ~\/ stands for a home directory, found "~/m)
  })

test('an empty or relative HOME is not the working directory', () => {
  const before = process.env.HOME
  try {
    for (const HOME of ['', 'home']) {
      process.env.HOME = HOME
      for (const settings of [{}, { token_file: '~/token.json' }])
        expect(isAbsolute(toConfig({ realm_id: '1', ...settings }, {}).tokenFile)).toBe(true)
    }
  } finally {
    process.env.HOME = before
  }
})
