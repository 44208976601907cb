import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { consent, lastLine, link, openLogin, read, told } from '../fixtures/login.ts'
import { folder, startTap } from '../fixtures/tap.ts'

test.concurrent('login asks in the browser and saves a connection that a run takes, whatever was kept before', async () => {
  const { world, config, save, start } = await openLogin({ log_level: 'debug' })
  const { simulator, tokenFile } = world
  // A run of the old connection has left a token file with a good access token.
  expect((await world.run()).code).toBe(0)
  const old = read(tokenFile)

  const running = start()
  const page = await link(running)
  const shown = await fetch(page)
  expect([shown.status, await shown.text()]).toEqual([
    200,
    expect.stringMatching(/see the terminal/),
  ])
  const run = await running.ended
  expect([run.code, run.stdout]).toEqual([0, ''])
  const { realm_id } = simulator.config
  expect(read(save)).toEqual({ refresh_token: simulator.tokens.refreshToken(), realm_id })
  expect(statSync(save).mode & 0o777).toBe(0o600)
  expect(lastLine(run)).toBe(
    `INFO connected to company ${realm_id}; the refresh token is in ${save}. ` +
      `Try it: tap-quickbooks --config ${config} --config ${save} --test`,
  )
  const { refreshToken, accessToken } = simulator.tokens
  for (const secret of [refreshToken(), accessToken(), simulator.config.client_secret])
    expect(run.stderr).not.toContain(secret)
  expect(run.stderr).not.toMatch(/XAB1/)
  expect(run.stderr).not.toMatch(/error|exception/i)
  expect(simulator.tokens.counts).toMatchObject({ codes: 1, refused: 0 })

  simulator.tokens.expireAccessTokens()
  const next = await startTap(['-c', config, '-c', save, '--test']).ended
  expect(next.code).toBe(0)
  expect(simulator.tokens.counts).toMatchObject({ refreshes: 2, refused: 0 })
  expect(read(tokenFile).fingerprint).not.toBe(old.fingerprint)
  expect(readdirSync(world.directory).filter((name) => name.startsWith('.'))).toEqual([])
})

test.concurrent('login says what to do, where it waits and what ends it; Ctrl-C does', async () => {
  const { redirectUri, save, start } = await openLogin()
  const running = start()
  const words = await told(running, /Open this page[\s\S]*Ctrl-C ends it\.$/m)
  expect(words).toContain(`Waiting for the browser to come back to ${redirectUri}; `)
  running.child.kill('SIGINT')
  expect((await running.ended).code).toBe(130)
  expect(existsSync(save)).toBe(false)
})

for (const flag of ['--config', '--save'])
  test.concurrent(`a token_file that is the file of ${flag} is refused before the user is bothered`, async () => {
    const { world, config, save, start } = await openLogin()
    const token_file = flag === '--save' ? save : config
    const settings = { ...read(config), token_file }
    writeFileSync(config, JSON.stringify(settings))
    const run = await start().ended
    expect([run.code, run.stdout]).toEqual([1, ''])
    expect(run.stderr).toMatch(new RegExp(`^ERROR token_file: is the file of ${flag}, `, 'm'))
    expect(read(config)).toEqual(settings)
    expect(world.simulator.stats().requests).toBe(0)
  })

test.concurrent('an answer with another state is set aside, and login goes on waiting', async () => {
  const { save, redirectUri, start } = await openLogin()
  const running = start()
  const page = await link(running)
  const target = await consent(page)
  const attempts: [string, number][] = []
  for (const state of ['', 'x', `${target.searchParams.get('state')}x`]) {
    const stranger = new URL(target)
    stranger.searchParams.set('state', state)
    attempts.push([stranger.href, 400])
    stranger.searchParams.delete('code')
    stranger.searchParams.set('error', 'access_denied')
    attempts.push([stranger.href, 400])
  }
  attempts.push([new URL('/favicon.ico', redirectUri).href, 404])
  for (const [url, status] of attempts) expect((await fetch(url)).status, url).toBe(status)
  expect(existsSync(save)).toBe(false)
  expect((await fetch(target)).status).toBe(200)
  const run = await running.ended
  expect(run.code).toBe(0)
  expect(run.stderr).toMatch(/^WARNING an answer came that is set aside: its state is not/m)
})

for (const [what, change, message] of [
  ['is refused', (url: URL) => url, /gives no consent \(access_denied\)/],
  ['has no code', (url: URL) => url.searchParams.delete('code'), /it has no code/],
  ['has no company', (url: URL) => url.searchParams.set('realmId', ''), /it has no realmId/],
] as const)
  test.concurrent(`a consent that ${what} ends login with exit 3, and nothing is saved`, async () => {
    const { world, save, start } = await openLogin(
      {},
      { consent: what === 'is refused' ? 'denied' : 'given' },
    )
    const running = start()
    const target = await consent(await link(running))
    change(target)
    expect((await fetch(target)).status).toBe(400)
    const run = await running.ended
    expect([run.code, run.stdout]).toEqual([3, ''])
    expect(lastLine(run)).toMatch(message)
    expect(existsSync(save)).toBe(false)
    expect(world.simulator.tokens.counts.codes).toBe(0)
  })

test.concurrent('the browser is waited for on this machine only, and a port in use is named', async () => {
  const { redirectUri, start } = await openLogin()
  const running = start()
  await link(running)
  const addresses = Object.values(networkInterfaces()).flatMap((some) => some ?? [])
  for (const { address } of addresses.filter(
    ({ internal, family }) => !internal && family === 'IPv4',
  ))
    await expect(fetch(redirectUri.replace('localhost', address))).rejects.toThrow()
  const second = await start().ended
  expect(second.code).toBe(1)
  const { port } = new URL(redirectUri)
  expect(second.stderr).toMatch(
    new RegExp(`^ERROR --redirect-uri: port ${port} of .* is in use`, 'm'),
  )
  expect(second.stderr).not.toContain('/connect/oauth2')
  running.child.kill('SIGTERM')
  await running.ended
})

test.concurrent('another company than the settings or the saved connection name is refused before anything changes', async () => {
  const { world, config, save, redirectUri, start } = await openLogin({ realm_id: '77' })
  const first = start()
  await fetch(await link(first))
  const run = await first.ended
  expect(run.code).toBe(1)
  expect(run.stderr).toMatch(
    /^ERROR login: company \d+ was chosen, but the setting realm_id is of company 77/m,
  )
  expect(existsSync(save)).toBe(false)

  writeFileSync(save, '{"refresh_token": "theirs", "realm_id": "88"}')
  const other = world.file('no-realm.json', { ...read(config), realm_id: undefined })
  const args = ['login', '-c', other, '--save', save, '--redirect-uri', redirectUri]
  const second = startTap(args)
  await fetch(await link(second))
  const again = await second.ended
  expect(again.code).toBe(1)
  expect(read(save)).toEqual({ refresh_token: 'theirs', realm_id: '88' })
  expect(world.simulator.tokens.counts.codes).toBe(0)
})

test.concurrent('login replaces what login has saved, and no other file', async () => {
  const { world, save, config, start } = await openLogin()
  const { realm_id } = world.simulator.config
  for (const [text, exit] of [
    ['{"refresh_token": "old", "realm_id": "1", "start_date": "2020-01-01"}', 1],
    ['no JSON', 1],
    ['null', 1],
    [JSON.stringify({ refresh_token: 'old', realm_id }), 0],
  ] as const) {
    writeFileSync(save, text)
    const running = start()
    if (exit === 0) await fetch(await link(running))
    const run = await running.ended
    expect(run.code, text).toBe(exit)
    if (exit === 0) expect(read(save).refresh_token).toBe(world.simulator.tokens.refreshToken())
    else {
      expect(run.stderr).toMatch(/^ERROR --save .*: holds more than a connection/m)
      expect(readFileSync(save, 'utf8')).toBe(text)
    }
  }
  expect((await start(['--save', config]).ended).stderr).toMatch(/^ERROR --save .*app\.json/m)
  const below = await start(['--save', join(config, 'x.json')]).ended
  expect([below.code, below.stderr]).toEqual([1, expect.stringMatching(/^ERROR --save .*x\.json/m)])
})

test.concurrent('every fault of what login is given is said at once', async () => {
  const { world, config } = await openLogin()
  for (const uri of [
    'http://books.example.com/',
    'https://a.example/?x=1',
    'callback',
    'ftp://127.0.0.1/',
  ]) {
    const { client_id: _, ...others } = read(config)
    const file = world.file('wrong.json', { ...others, token_url: 'http://a.example' })
    const args = ['login', '-c', file, '--save', file, '--redirect-uri', uri]
    const run = await startTap(args).ended
    expect([run.code, run.stdout]).toEqual([1, ''])
    for (const name of ['client_id', 'token_url', '--redirect-uri', '--save'])
      expect(run.stderr).toMatch(new RegExp(`^ERROR ${name}`, 'm'))
  }
  expect((await startTap(['login', '-c', config]).ended).code).toBe(2)
})

test.concurrent('a code that is refused ends login with exit 3 and leaves nothing', async () => {
  const { world, save, start } = await openLogin()
  world.simulator.script.add({ endpoint: 'token', status: 400 })
  const running = start()
  await fetch(await link(running))
  const run = await running.ended
  expect(run.code).toBe(3)
  expect(lastLine(run)).toMatch(/^CRITICAL .*invalid_grant.*\(intuit_tid .*Run login again/)
  expect(existsSync(save)).toBe(false)
  expect(readdirSync(world.directory).filter((name) => name.startsWith('.'))).toEqual([])
})

test.concurrent('a refresh token in the environment that would win is named', async () => {
  const { config, save, redirectUri } = await openLogin()
  const args = ['login', '-c', config, '-c', 'ENV', '--save', save, '--redirect-uri', redirectUri]
  const running = startTap(args, { TAP_QUICKBOOKS_REFRESH_TOKEN: 'an old one' })
  await fetch(await link(running))
  const run = await running.ended
  expect([run.code, lastLine(run)]).toEqual([
    0,
    expect.stringMatching(/^WARNING TAP_QUICKBOOKS_REFRESH_TOKEN .* wins over .*connection\.json/),
  ])
})

test.concurrent('with token_command the program gets the refresh token, and only the company is saved', async () => {
  const place = folder()
  const [secret, unreadable, full] = ['secret', 'unreadable', 'full'].map((name) =>
    join(place, name),
  )
  const token_command =
    `read -r new; if [ "$new" ]; then test ! -e ${full} && printf %s "$new" > ${secret}; ` +
    `elif [ -e ${unreadable} ]; then exit 9; elif [ -e ${secret} ]; then cat ${secret}; fi`
  const { world, config, save, start } = await openLogin({ token_command, max_attempts: 2 })
  const { simulator, tokenFile } = world
  const given = () => readFileSync(String(secret), 'utf8')
  const test = async () => (await startTap(['-c', config, '-c', save, '--test']).ended).code
  // The second time the program has no room: the token is kept, and the next run gives it.
  for (const code of [0, 3]) {
    if (code === 3) writeFileSync(String(full), '')
    rmSync(save, { force: true })
    const running = start()
    await fetch(await link(running))
    const run = await running.ended
    expect(run.code).toBe(code)
    expect(lastLine(run)).toMatch(code === 0 ? /is with token_command/ : /the token is kept in/)
    expect(read(save)).toEqual({ realm_id: simulator.config.realm_id })
    expect(existsSync(tokenFile)).toBe(code === 3)
    rmSync(String(full), { force: true })
    const token = simulator.tokens.refreshToken()
    if (code === 0) expect(given()).toBe(token)
    expect(await test()).toBe(0)
    expect(given()).toBe(simulator.tokens.refreshToken())
    expect(existsSync(tokenFile)).toBe(false)
  }
  expect(simulator.tokens.counts.refused).toBe(0)

  // One that fails as long as it has no token gets the first one all the same.
  rmSync(String(secret))
  writeFileSync(String(unreadable), '')
  rmSync(save, { force: true })
  const first = start()
  const address = await link(first)
  rmSync(String(unreadable))
  await fetch(address)
  const run = await first.ended
  expect(run.code).toBe(0)
  expect(run.stderr).toMatch(
    /^WARNING token_command, .* if it has none yet, that is as it should be/m,
  )
  expect(given()).toBe(simulator.tokens.refreshToken())
})
