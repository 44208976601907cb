import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { startSimulator } from '../simulator/index.ts'
import { testDatabase } from '../vitest-postgres.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const readme = readFileSync(join(root, 'README.md'), 'utf8')

/** The fenced blocks of a language, with the line of text before each. */
function blocks(language: string): { before: string; text: string }[] {
  const found = readme.matchAll(/(?:^|\n)([^\n]*)\n\n?```(\w+)\n([\s\S]*?)\n```/g)
  return [...found]
    .filter((match) => match[2] === language)
    .map((match) => ({ before: match[1] ?? '', text: match[3] ?? '' }))
}

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
    'quickbooks.json': { ...simulator.config, token_file: join(folder, 'token.json') },
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
    const ended = await execa('bash', ['-e', '-o', 'pipefail', '-c', command], {
      cwd,
      reject: false,
    })
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

test('the commands that are run elsewhere are run there', () => {
  expect(readFileSync(join(root, '.ci/run'), 'utf8')).toMatch(/npm cit/)
  expect(readFileSync(join(root, 'dev/demo.test.ts'), 'utf8')).toMatch(/demo\.ts|npm.*start/)
})
