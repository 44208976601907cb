import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { execa } from 'execa'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { ask, startPostgres } from '../postgres.ts'
import { ROOT } from '../release/packages.ts'
import { startSimulator } from '../simulator/index.ts'
import { skip } from '../skip.ts'
import { readText, readYaml } from './deployment.ts'
import { EVERY, startEvery } from './every.ts'
import { INSTALLING_MS } from './installing.ts'
import { type Python, pythonWith } from './python.ts'

const WITH_SECRETS = join(ROOT, 'dev/containers/with-secrets')
const PATH = process.env.PATH ?? ''

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'containers-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

const [compose] = readYaml('compose.yaml')

/** As compose does it: `${NAME:?}` must be given, `${NAME:-default}` may be. */
function interpolated(environment: Record<string, string>, given: Record<string, string>) {
  const value = (text: string): string =>
    text.replace(/^\$\{(\w+):[-?](.*)\}$/, (_, name, otherwise) => given[name] ?? otherwise)
  return Object.fromEntries(Object.entries(environment).map(([key, text]) => [key, value(text)]))
}

let python: Python
beforeAll(async () => {
  python = await pythonWith('meltano')
}, INSTALLING_MS)

test('the services: the roles by psql, the tables by their owner, then Meltano on a schedule until SIGTERM', {
  timeout: 180_000,
}, async (context) => {
  if ('missing' in python) return skip(context, python.missing)
  const { bin } = python
  if ((await execa('psql', ['--version'], { reject: false })).exitCode !== 0)
    skip(context, 'there is no psql')
  const folder = temporaryFolder()
  const postgres = await startPostgres({ settings: { fsync: 'off' } })
  const simulator = await startSimulator({ invoices: 300, customers: 40, items: 20 })
  onTestFinished(async () => {
    await simulator.close()
    await postgres.stop('immediate')
  })
  const warehouse = await postgres.createDatabase(
    compose.services.warehouse.environment.POSTGRES_DB,
  )

  const values: Record<string, string> = {
    RAW_OWNER_PASSWORD: "owner's",
    RAW_LOADER_PASSWORD: 'lo"ader',
    TAP_QUICKBOOKS_CLIENT_ID: simulator.config.client_id,
    TAP_QUICKBOOKS_CLIENT_SECRET: simulator.config.client_secret,
    TAP_QUICKBOOKS_REFRESH_TOKEN: simulator.config.refresh_token,
  }
  /** The folder /run/secrets of a service. */
  const secretsOf = (service: string): string => {
    const home = join(folder, `secrets-${service}`)
    mkdirSync(home)
    for (const one of compose.services[service].secrets) {
      const { source, target } = typeof one === 'string' ? { source: one, target: one } : one
      writeFileSync(join(home, target), values[source] ?? 'unused')
    }
    return home
  }
  const roles = readText('dev/containers/roles.sql')
  const placed = roles.replaceAll('/run/secrets', secretsOf('warehouse'))
  const psql = ['--no-psqlrc', '-v', 'ON_ERROR_STOP=1', warehouse]
  await execa('psql', psql, { input: placed })

  /** A service as its image runs it, /data and the hosts excepted. */
  const project = join(folder, 'app')
  mkdirSync(project)
  copyFileSync(join(ROOT, 'meltano.yml'), join(project, 'meltano.yml'))
  symlinkSync(join(ROOT, 'node_modules'), join(project, 'node_modules'))
  const image = [...readText('Dockerfile').matchAll(/^ENV (.*)$/gm)].flatMap(([, line = '']) =>
    line.split(' ').map((pair) => pair.split('=') as [string, string]),
  )
  const environmentOf = (service: string, given: Record<string, string>) => ({
    ...Object.fromEntries(
      image.map(([name, value]) => [name, value.replace(/^\/data/, join(folder, 'data'))]),
    ),
    ...interpolated(compose.services[service].environment, given),
    ...given,
    PATH: [bin, join(ROOT, 'node_modules/.bin'), PATH].join(delimiter),
    SECRETS_FOLDER: secretsOf(service),
    TARGET_POSTGRES_RAW_HOST: postgres.host,
    TARGET_POSTGRES_RAW_PORT: String(postgres.port),
    HOME: folder,
    TMPDIR: folder,
  })
  const tables = compose.services['warehouse-tables']
  const command = tables.command.map((word: string) =>
    word.replace('/tables.jsonl', join(ROOT, 'dev/containers/tables.jsonl')),
  )
  const made = await execa(WITH_SECRETS, command, {
    ...{ cwd: project, env: environmentOf('warehouse-tables', {}), extendEnv: false },
    ...{ reject: false, all: true },
  })
  expect(made).toMatchObject({ exitCode: 0 })

  const { scheduler } = compose.services
  const [every, , ...meltano] = scheduler.command
  expect(every).toBe('every.mjs')
  const words = [WITH_SECRETS, EVERY, '1', ...meltano]
  // The first page is refused for good.
  simulator.script.add({ times: 1, entity: 'Invoice', status: 400 })
  const company = {
    TAP_QUICKBOOKS_REALM_ID: simulator.config.realm_id,
    TAP_QUICKBOOKS_START_DATE: simulator.config.start_date,
    TAP_QUICKBOOKS_BASE_URL: simulator.config.base_url,
    TAP_QUICKBOOKS_TOKEN_URL: simulator.config.token_url,
  }
  const [, checker, ...check] = scheduler.healthcheck.test
  expect(checker).toBe('every.mjs')
  const health = async () =>
    (await execa(EVERY, check, { env: { TMPDIR: folder }, reject: false })).exitCode
  const environment = environmentOf('scheduler', company)
  // The loader reads them, by its password, as the job `images` of CI asks.
  const count = await execa(WITH_SECRETS, ['target-postgres-raw', 'count', '--config', 'ENV'], {
    ...{ cwd: project, env: environment, extendEnv: false, reject: false },
  })
  expect(count).toMatchObject({ exitCode: 0, stdout: '' })
  const { running, heard } = startEvery(words, environment, project)
  await heard(/every: meltano FAILED \(exit 1\)/)
  expect(await health()).toBe(1)
  await heard(/every: meltano has ended well/)
  expect(await health()).toBe(0)
  running.kill('SIGTERM')
  const ended = await running
  expect(ended.exitCode).toBe(143)
  for (const secret of Object.values(values)) expect(ended.all).not.toContain(secret)

  const counts = 'select count(*)::int, min(tableowner) as owner from raw.qb_invoices, pg_tables'
  const rows = await ask(
    warehouse,
    `${counts} where schemaname = 'raw' and tablename = 'qb_invoices'`,
  )
  expect(rows).toEqual([{ count: 300, owner: 'raw_owner' }])
  // What must survive lies in /data, and nothing is written beside the project.
  expect(readdirSync(join(folder, 'data')).sort()).toEqual(['meltano', 'tap-quickbooks'])
  expect(readdirSync(project).sort()).toEqual(['meltano.yml', 'node_modules'])
})
