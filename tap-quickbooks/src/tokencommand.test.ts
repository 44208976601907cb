import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openWorld, type World } from '../fixtures/tap.ts'

/** A world whose refresh token lies with a program of the user, which keeps it in `secret`. */
async function openStore(settings: Record<string, unknown> = {}): Promise<{
  world: World
  secret: string
  /** The script: what it does before, with a new token, and without. */
  script(lines: { first?: string; store?: string; print?: string }): void
  /** How often it was called to print and to store. */
  calls(): { print: number; store: number }
}> {
  const world = await openWorld({ invoices: 2, customers: 1, items: 1, limits: false }, settings)
  const secret = join(world.directory, 'secret')
  const path = join(world.directory, 'store.sh')
  const journal = join(world.directory, 'journal')
  const script = ({
    first = '',
    store = `printf %s "$new" > ${secret}`,
    print = `cat ${secret}`,
  }) => {
    writeFileSync(
      path,
      `#!/bin/sh
IFS= read -r new
if [ -n "$new" ]; then echo store; else echo print; fi >> ${journal}
${first}
if [ -n "$new" ]; then ${store}
else ${print}; fi
`,
    )
    chmodSync(path, 0o755)
  }
  script({})
  const { refresh_token, ...others } = world.settings
  world.settings = { ...others, token_command: path }
  writeFileSync(secret, `${refresh_token}\n`)
  return {
    world,
    secret,
    script,
    calls() {
      const lines = existsSync(journal) ? readFileSync(journal, 'utf8').trimEnd().split('\n') : []
      const count = (word: string) => lines.filter((line) => line === word).length
      return { print: count('print'), store: count('store') }
    },
  }
}

test.concurrent('the refresh token lives with token_command, which has the new one before it is used', async () => {
  const { world, secret, calls } = await openStore({ log_level: 'debug' })
  const { simulator, tokenFile } = world
  const found: unknown[] = []
  simulator.script.onAnswer((n) => {
    if (n === 1) found.push(readFileSync(secret, 'utf8'), existsSync(tokenFile))
  })
  const first = simulator.tokens.refreshToken()
  const run = await world.run()
  expect(run.code).toBe(0)
  const second = simulator.tokens.refreshToken()
  expect(second).not.toBe(first)
  expect(found).toEqual([second, false])
  // Printed once to begin with and once to see that the new one has arrived.
  expect(calls()).toEqual({ print: 2, store: 1 })
  expect((await world.run()).code).toBe(0)
  expect(readFileSync(secret, 'utf8')).toBe(simulator.tokens.refreshToken())
  expect(simulator.tokens.counts).toMatchObject({ refreshes: 2, refused: 0 })
  for (const token of [first, second]) {
    expect(run.stderr).not.toContain(token)
    expect(run.stdout).not.toContain(token)
  }
  expect(run.stderr).not.toMatch(/error|exception/i)
  expect(readdirSync(world.directory).filter((name) => name.startsWith('.'))).toEqual([])
})

test.concurrent('a token that comes back the same is not stored', async () => {
  const { world, calls } = await openStore()
  world.simulator.switches.rotation = 'daily'
  expect((await world.run()).code).toBe(0)
  expect(calls()).toEqual({ print: 1, store: 0 })
  expect(existsSync(world.tokenFile)).toBe(false)
})

test.concurrent('refresh_token is the seed where token_command prints nothing', async () => {
  const { world, secret } = await openStore()
  writeFileSync(secret, '\n')
  const without = await world.run()
  expect([without.code, without.stdout]).toEqual([3, ''])
  expect(without.stderr).toMatch(/^CRITICAL token_command prints no refresh token/m)
  const { refresh_token } = world.simulator.config
  expect((await world.run({ settings: { refresh_token } })).code).toBe(0)
  expect(readFileSync(secret, 'utf8')).toBe(world.simulator.tokens.refreshToken())
})

test.concurrent('without refresh_token and token_command the former is missing', async () => {
  const { world } = await openStore()
  const run = await world.run({ settings: { token_command: null } })
  expect(run.code).toBe(1)
  expect(run.stderr).toMatch(/^ERROR refresh_token: is required/m)
})

test.concurrent('whoever changes from token_file to token_command goes on with the token of the file', async () => {
  const { world, secret } = await openStore()
  const { refresh_token } = world.simulator.config
  expect((await world.run({ settings: { refresh_token, token_command: null } })).code).toBe(0)
  expect(existsSync(world.tokenFile)).toBe(true)
  writeFileSync(secret, '')
  expect((await world.run({ settings: { refresh_token } })).code).toBe(0)
  expect(readFileSync(secret, 'utf8')).toBe(world.simulator.tokens.refreshToken())
  expect(existsSync(world.tokenFile)).toBe(false)
  expect(world.simulator.tokens.counts.refused).toBe(0)
})

for (const [what, lines, message] of [
  ['fails', { first: 'echo secret-word; echo secret-word >&2; exit 7' }, /ended with exit code 7/],
  ['is not there', { first: 'exec /no/such/program' }, /ended with exit code 12[67]/],
  ['prints more than a token', { print: 'echo one two' }, /several words or lines/],
  ['prints without end', { print: 'exec yes' }, /prints far more/],
  ['prints two lines', { print: "printf 'one\\r\\ntwo\\r\\n'" }, /several words or lines/],
  ['prints UTF-16', { print: "printf 'a\\0b\\0'" }, /characters that no refresh token has/],
  ['is killed', { first: 'kill -9 $$' }, /was ended by SIGKILL/],
  ['hangs', { first: 'sleep 77 & wait' }, /did not end within 0.7 s/],
  ['hangs whatever it is told', { first: "trap '' TERM; sleep 77; sleep 77" }, /within 0.7 s/],
] as const)
  test.concurrent(`a token_command that ${what} ends the run with exit 3 before any connection`, async () => {
    const { world, script } = await openStore({ log_level: 'debug', timeout_seconds: 0.7 })
    script(lines)
    const run = await world.run()
    expect([run.code, run.stdout]).toEqual([3, ''])
    const last = run.stderr.trimEnd().split('\n').at(-1)
    expect(last).toMatch(/^CRITICAL .*token_command/)
    expect(last).toMatch(message)
    expect(run.stderr).not.toContain('secret-word')
    expect(world.simulator.stats().requests).toBe(0)
  })

test.concurrent('a token_command may say much on stderr, end its line with CRLF and leave its stdin alone', async () => {
  const { world, secret } = await openStore({ log_level: 'debug' })
  world.simulator.switches.rotation = 'never'
  const path = join(world.directory, 'chatty.sh')
  const noise =
    'i=0; while [ $i -lt 4000 ]; do echo "noise $i, and more, and more, and more" >&2; i=$((i+1)); done'
  writeFileSync(path, `#!/bin/sh\n${noise}\nprintf '%s\\r\\n' "$(cat ${secret})"\n`)
  chmodSync(path, 0o755)
  const run = await world.run({ settings: { token_command: path } })
  expect(run.code).toBe(0)
  expect(run.stderr).toContain('DEBUG token_command: noise 7,')
  // The beginning of it is enough.
  expect(run.stderr).not.toContain('noise 3999')
})

test.concurrent('a token_command that reads nothing and stores nothing is found out', async () => {
  const { world, secret, script } = await openStore()
  script({})
  const run = await world.run({ settings: { token_command: `cat ${secret}` } })
  expect(run.code).toBe(0)
  expect(run.stderr).toMatch(/^WARNING token_command was given a new .* does not print it/m)
})

test.concurrent('SIGTERM ends a token_command that hangs, and what it has started', async () => {
  const { world, script } = await openStore()
  const pidFile = join(world.directory, 'pid')
  script({ first: `sleep 77 & echo $! > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; wait` })
  const running = world.start()
  while (!existsSync(pidFile)) await new Promise(setImmediate)
  running.child.kill('SIGTERM')
  expect((await running.ended).code).toBe(143)
  const pid = readFileSync(pidFile, 'utf8').trim()
  // Gone, or a zombie where nobody collects orphans.
  const state = () => spawnSync('ps', ['-o', 'stat=', '-p', pid], { encoding: 'utf8' }).stdout
  await expect.poll(state, { timeout: 5000 }).toMatch(/^(Z.*)?\s*$/)
})

test.concurrent('a token that token_command does not store is kept in token_file and given again in the next run', async () => {
  const { world, secret, script, calls } = await openStore({ max_attempts: 3 })
  const { simulator, tokenFile } = world
  script({ store: 'exit 5' })
  const bad = await world.run()
  expect([bad.code, bad.stdout]).toEqual([3, ''])
  expect(calls().store).toBe(3)
  expect(bad.stderr.trimEnd().split('\n').at(-1)).toMatch(
    /^CRITICAL token_command, .*store.*exit code 5.*kept in .*token\.json/,
  )
  const kept = JSON.parse(readFileSync(tokenFile, 'utf8'))
  expect(kept.refresh_token).toBe(simulator.tokens.refreshToken())
  expect(statSync(tokenFile).mode & 0o777).toBe(0o600)
  // Nothing was read with a token that might be lost.
  expect(simulator.stats().metered.total).toBe(0)

  expect((await world.run()).code).toBe(3)
  expect(simulator.tokens.counts).toMatchObject({ refreshes: 1, refused: 0 })
  script({})
  expect((await world.run()).code).toBe(0)
  expect(readFileSync(secret, 'utf8')).toBe(kept.refresh_token)
  // Its access token was still good.
  expect(simulator.tokens.counts).toMatchObject({ refreshes: 1, refused: 0 })
  expect(existsSync(tokenFile)).toBe(false)
})

test.concurrent('a token that somebody else has stored wins over the one in token_file', async () => {
  const { world, secret, script } = await openStore({ max_attempts: 1 })
  const { simulator, tokenFile } = world
  script({ store: 'exit 5' })
  expect((await world.run()).code).toBe(3)
  const kept = JSON.parse(readFileSync(tokenFile, 'utf8'))
  writeFileSync(tokenFile, JSON.stringify({ ...kept, refresh_token: 'dead', access_token: 'dead' }))
  writeFileSync(secret, simulator.tokens.refreshToken())
  script({})
  expect((await world.run()).code).toBe(0)
  expect(simulator.tokens.counts.refused).toBe(0)
})

test.concurrent('a token_command that takes the token and forgets it loses nothing', async () => {
  const { world, script } = await openStore()
  const { simulator, tokenFile } = world
  script({ store: 'true' })
  for (const _ of [1, 2, 3]) {
    simulator.tokens.expireAccessTokens()
    const run = await world.run()
    expect(run.code).toBe(0)
    expect(run.stderr).toMatch(/^WARNING token_command was given a new refresh token/m)
    const kept = JSON.parse(readFileSync(tokenFile, 'utf8'))
    expect(kept.refresh_token).toBe(simulator.tokens.refreshToken())
  }
  expect(simulator.tokens.counts.refused).toBe(0)
})

test.concurrent('a tap that is stopped while token_command hangs with the new token keeps it', async () => {
  const { world, secret, script } = await openStore()
  const { simulator, tokenFile } = world
  const began = join(world.directory, 'began')
  script({ store: `touch ${began}; sleep 77` })
  const running = world.start()
  while (!existsSync(began)) await new Promise(setImmediate)
  running.child.kill('SIGTERM')
  expect((await running.ended).code).toBe(143)
  const { refresh_token } = JSON.parse(readFileSync(tokenFile, 'utf8'))
  expect(refresh_token).toBe(simulator.tokens.refreshToken())
  expect(simulator.stats().metered.total).toBe(0)
  script({})
  expect((await world.run()).code).toBe(0)
  expect(readFileSync(secret, 'utf8')).toBe(refresh_token)
})

test.concurrent('a tap that is killed while token_command stores the token loses nothing', async () => {
  const { world, secret, script } = await openStore()
  const { simulator, tokenFile } = world
  const began = join(world.directory, 'began')
  script({ store: `touch ${began}; sleep 20` })
  const running = world.start()
  while (!existsSync(began)) await new Promise(setImmediate)
  running.child.kill('SIGKILL')
  await running.ended
  script({})
  expect((await world.run()).code).toBe(0)
  expect(readFileSync(secret, 'utf8')).toBe(simulator.tokens.refreshToken())
  expect(existsSync(tokenFile)).toBe(false)
  expect(simulator.tokens.counts.refused).toBe(0)
})

test.concurrent('runs that share a token_command take turns', async () => {
  const { world, secret, script, calls } = await openStore()
  const turn = join(world.directory, 'turn')
  // Zero grace: a run that sends the token of before is refused. Its own token file for each.
  script({ store: `mkdir ${turn} && printf %s "$new" > ${secret} && rmdir ${turn}` })
  const runs = await Promise.all(
    ['a', 'b', 'c', 'd'].map((name) =>
      world.run({ settings: { token_file: join(world.directory, name) } }),
    ),
  )
  expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0])
  expect(calls().store).toBe(4)
  expect(world.simulator.tokens.counts).toMatchObject({ refreshes: 4, refused: 0 })
})
