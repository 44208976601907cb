import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { ROOT } from '../release/packages.ts'

const PATH = process.env.PATH ?? ''
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'secrets-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
})

const put = (name: string, text: string): void => writeFileSync(join(folder, name), text)

/** The variables that a command gets besides the usual ones; or why it was not run. */
async function withSecrets(secrets = folder) {
  const script = 'console.log(JSON.stringify(process.env))'
  const ended = await execa(join(ROOT, 'dev/containers/with-secrets'), ['node', '-e', script], {
    ...{ env: { PATH, SECRETS_FOLDER: secrets, PWD: '/' }, extendEnv: false, reject: false },
  } as const)
  if (ended.exitCode !== 0) return { exitCode: ended.exitCode, said: ended.stderr }
  const { PATH: path, SECRETS_FOLDER, PWD, OLDPWD, SHLVL, _, ...given } = JSON.parse(ended.stdout)
  expect(path).toBe(PATH)
  return given
}

test('a file of /run/secrets becomes the variable of its name, without the ends of lines at its end', async () => {
  put('TAP_QUICKBOOKS_CLIENT_ID', 'a b$c`d`"\'\n')
  put('TAP_QUICKBOOKS_TOKEN_COMMAND', 'first\nsecond\n\n\n')
  put('TARGET_POSTGRES_RAW_PASSWORD', 'of Windows\r\n')
  put('PGPASSWORD', '1')
  // As Kubernetes mounts a secret.
  mkdirSync(join(folder, '..2026'))
  put('..2026/MELTANO_DATABASE_URI', 'postgres://u:p@h/d')
  symlinkSync('..2026', join(folder, '..data'))
  symlinkSync('..data/MELTANO_DATABASE_URI', join(folder, 'MELTANO_DATABASE_URI'))
  expect(await withSecrets()).toEqual({
    TAP_QUICKBOOKS_CLIENT_ID: 'a b$c`d`"\'',
    TAP_QUICKBOOKS_TOKEN_COMMAND: 'first\nsecond',
    TARGET_POSTGRES_RAW_PASSWORD: 'of Windows',
    PGPASSWORD: '1',
    MELTANO_DATABASE_URI: 'postgres://u:p@h/d',
  })
})

test('folders and files of other names are left alone, and so is a folder that is missing', async () => {
  mkdirSync(join(folder, 'kubernetes.io'))
  mkdirSync(join(folder, 'CERTIFICATES'))
  for (const name of [
    'quickbooks.json',
    '9TH',
    'TAP-ID',
    '-n',
    'a b',
    '*',
    'TÄP_',
    'Tap_ID',
    '$(id)',
  ])
    put(name, 'x')
  expect(await withSecrets()).toEqual({})
  expect(await withSecrets(join(folder, 'none'))).toEqual({})
})

test.each(['PATH', 'LD_PRELOAD', 'NODE_OPTIONS', 'HOME', 'ENV', 'PG', 'TAP_'])(
  'a file that is named %s is refused, as no setting',
  async (name) => {
    put(name, '/elsewhere')
    const ended = await withSecrets()
    expect(ended.exitCode).toBe(1)
    expect(ended.said).toBe(
      `with-secrets: ${join(folder, name)}: only TAP_…, TARGET_…, PG… and MELTANO_… become variables; a file for another use wants a name in small letters`,
    )
  },
)

test('a folder in place of a secret, as Docker mounts a missing file, is told', async () => {
  mkdirSync(join(folder, 'TAP_QUICKBOOKS_CLIENT_ID'))
  const { exitCode, said } = await withSecrets()
  expect(exitCode).toBe(1)
  expect(said).toMatch(/\/TAP_QUICKBOOKS_CLIENT_ID is no file: is there one where/)
})
