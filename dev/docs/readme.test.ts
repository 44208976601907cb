import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { startSimulator } from '../simulator/index.ts'
import { testDatabase } from '../vitest-postgres.ts'
import { readBlocks } from './markdown.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const readme = readFileSync(join(root, 'README.md'), 'utf8')

/** The fenced blocks of a language. README.es.md has the same (spanish.test.ts). */
const blocks = (language: string) => readBlocks(readme).filter((one) => one.language === language)

/** Run by other means: each names where. */
const ELSEWHERE: Record<string, string> = {
  'npm ci && npm start': 'dev/demo.test.ts runs npm start, .ci/run the installation',
  'npm cit': '.ci/run',
}

test('every command and query of the README works, in its order', async () => {
  const simulator = await startSimulator({ invoices: 300, customers: 40, items: 20, limits: false })
  const connectionString = await testDatabase()
  const folder = mkdtempSync(join(tmpdir(), 'readme-'))
  const database = new pg.Client({ connectionString })
  await database.connect()
  onTestFinished(async () => {
    await database.end()
    await simulator.close()
    rmSync(folder, { recursive: true })
  })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  mkdirSync(join(folder, 'state'))
  const real: Record<string, object> = {
    'quickbooks.json': {
      ...simulator.config,
      authorize_url: `${simulator.baseUrl}/connect/oauth2`,
      token_file: join(folder, 'token.json'),
    },
    'postgres.json': { connection_string: connectionString },
  }
  const written = blocks('json').map(({ before, text }) => {
    const name = /^`([\w.-]+)`:$/.exec(before)?.[1] ?? ''
    writeFileSync(join(folder, name), JSON.stringify({ ...JSON.parse(text), ...real[name] }))
    return name
  })
  expect(written).toEqual(Object.keys(real))

  const commands = blocks('sh').map(({ text }) => text)
  expect(commands.length).toBeGreaterThan(6)
  for (const command of commands) {
    if (command in ELSEWHERE) continue
    const cwd = command.startsWith('npm run') ? root : folder
    const bash = ['-e', '-o', 'pipefail', '-c']
    const ended = command.includes('tap-quickbooks login')
      ? await logIn(bash, command, folder)
      : await execa('bash', [...bash, command], { cwd, reject: false })
    expect({
      command,
      exitCode: ended.exitCode,
      stderr: ended.exitCode === 0 ? '' : ended.stderr,
    }).toEqual({
      command,
      exitCode: 0,
      stderr: '',
    })
  }
  for (const { text } of blocks('sql'))
    for (const query of text.split(/;\s*(?:\n|$)/).filter((part) => part.trim() !== ''))
      expect((await database.query(query)).rows.length).toBeGreaterThan(0)
  const { rows } = await database.query('select count(*)::int from raw.qb_invoices')
  expect(rows[0].count).toBe(300)
}, 180_000)

/** Runs the command as a reader does: opens the link, and puts what is saved into the settings. */
async function logIn(bash: readonly string[], command: string, folder: string) {
  const [settings, connection] = ['quickbooks.json', 'connection.json'].map((name) =>
    join(folder, name),
  )
  const { refresh_token, realm_id, ...app } = JSON.parse(readFileSync(settings!, 'utf8'))
  writeFileSync(settings!, JSON.stringify(app))
  // The port of the README may be taken.
  const uri = `http://localhost:${await freePort()}/callback`
  const running = execa('bash', [...bash, `${command} --redirect-uri ${uri}`], {
    cwd: folder,
    reject: false,
  })
  let told = ''
  let isOpen = false
  running.stderr.on('data', async (text) => {
    told += text
    const link = /^(http\S+)\n/m.exec(told)?.[1]
    if (link === undefined || isOpen) return
    isOpen = true
    await fetch(link)
  })
  const ended = await running
  const saved = JSON.parse(readFileSync(connection!, 'utf8'))
  expect(saved).toEqual({ realm_id, refresh_token: expect.not.stringMatching(refresh_token) })
  writeFileSync(settings!, JSON.stringify({ ...app, ...saved }))
  return ended
}

test('the program of the README for token_command keeps the token in Vault', async () => {
  const simulator = await startSimulator({ invoices: 1, customers: 1, items: 1, limits: false })
  const folder = mkdtempSync(join(tmpdir(), 'readme-'))
  onTestFinished(async () => {
    await simulator.close()
    rmSync(folder, { recursive: true })
  })
  const file = (name: string, text: string) =>
    writeFileSync(join(folder, name), text, { mode: 0o755 })
  file('token', blocks('bash')[0]?.text ?? '')
  // As much of Vault as the program needs.
  file(
    'vault',
    `#!/bin/sh
case "$*" in
  'kv put secret/quickbooks refresh_token=-') cat > ${folder}/vault-data;;
  'kv get -field=refresh_token secret/quickbooks') cat ${folder}/vault-data;;
  *) exit 2;;
esac`,
  )
  const { refresh_token, ...config } = simulator.config
  file('vault-data', refresh_token)
  const token = { token_command: join(folder, 'token'), token_file: join(folder, 'token.json') }
  file('quickbooks.json', JSON.stringify({ ...config, ...token }))
  const args = ['--config', join(folder, 'quickbooks.json'), '--test']
  const env = { PATH: `${folder}:${process.env.PATH}` }
  await execa(join(root, 'node_modules/.bin/tap-quickbooks'), args, { env })
  expect(readFileSync(join(folder, 'vault-data'), 'utf8')).toBe(simulator.tokens.refreshToken())
  expect(simulator.tokens.refreshToken()).not.toBe(refresh_token)
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

test('the commands that are run elsewhere are run there', () => {
  expect(readFileSync(join(root, '.ci/run'), 'utf8')).toMatch(/npm cit/)
  expect(readFileSync(join(root, 'dev/demo.test.ts'), 'utf8')).toMatch(/demo\.ts|npm.*start/)
})
