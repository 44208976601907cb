import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { execa } from 'execa'
import { beforeAll, expect, onTestFailed, onTestFinished, test } from 'vitest'
import { ask, startPostgres } from '../postgres.ts'
import { ROOT } from '../release/packages.ts'
import { startSimulator } from '../simulator/index.ts'
import { skip } from '../skip.ts'
import { readText, readYaml } from './deployment.ts'
import { INSTALLING_MS } from './installing.ts'
import { type Python, pythonWith } from './python.ts'

const WITH_SECRETS = join(ROOT, 'dev/containers/with-secrets')
const EVERY = join(ROOT, 'dev/containers/every.mjs')
const PATH = process.env.PATH ?? ''

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'containers-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

test('a file of /run/secrets becomes the variable of its name, digits and blanks included', async () => {
  const folder = temporaryFolder()
  for (const [name, text] of [
    ['TAP_QUICKBOOKS_CLIENT_ID', 'a b$c`d`\n'],
    ['NO_NEWLINE', '1'],
    ['quickbooks.json', '{}'],
    ['..data', 'x'],
    ['9TH', 'x'],
  ] as const)
    writeFileSync(join(folder, name), text)
  const env = (secrets: string) =>
    execa(WITH_SECRETS, ['env'], {
      env: { PATH, SECRETS_FOLDER: secrets, PWD: '/' },
      extendEnv: false,
      reject: false,
    })
  const names = /^(?!(PATH|SECRETS_FOLDER|PWD|OLDPWD|SHLVL|_)=)/
  const given = (await env(folder)).stdout.split('\n').filter((line) => names.test(line))
  expect(given.sort()).toEqual(['NO_NEWLINE=1', 'TAP_QUICKBOOKS_CLIENT_ID=a b$c`d`'])
  expect(await env(join(folder, 'none'))).toMatchObject({ exitCode: 0 })
  // What cannot be read is no empty secret.
  mkdirSync(join(folder, 'UNREADABLE'))
  expect(await env(folder)).toMatchObject({ exitCode: 1, stdout: '' })
})

/** The scheduler's loop; `heard` resolves once its stderr has the pattern for the n-th time. */
function startEvery(args: string[], env: NodeJS.ProcessEnv, cwd = '/') {
  const running = execa(args[0] ?? '', args.slice(1), {
    ...{ cwd, env: { PATH, ...env }, extendEnv: false, reject: false, all: true },
  } as const)
  onTestFinished(() => void running.kill('SIGKILL'))
  onTestFailed(() => console.log(told))
  let told = ''
  running.all.on('data', (text) => {
    told += text
  })
  const heard = (pattern: RegExp, times = 1) =>
    new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if ([...told.matchAll(new RegExp(pattern, 'g'))].length >= times) resolve()
      }
      running.all.on('data', look)
      look()
      void running.then(() => reject(new Error(`it ended before ${pattern}:\n${told}`)))
    })
  return { running, heard }
}

test('a failing run is told, marked until a good one, and does not end the scheduler', async () => {
  const folder = temporaryFolder()
  const mark = join(folder, 'last-run-failed')
  const script = 'test -e good || exit 5'
  const { running, heard } = startEvery(
    [EVERY, '0.05', 'sh', '-c', script],
    { TMPDIR: folder },
    folder,
  )
  await heard(/every: sh FAILED \(exit 5\); next run at \d{4}-.*Z\n/, 2)
  expect(readFileSync(mark, 'utf8')).toMatch(/^\d{4}-.*Z exit 5\n$/)
  writeFileSync(join(folder, 'good'), '')
  await heard(/every: sh has ended well; next run/)
  expect(existsSync(mark)).toBe(false)
  running.kill('SIGTERM')
  expect(await running).toMatchObject({ exitCode: 143 })
})

test('SIGTERM and SIGINT end the scheduler between runs at once, and in a run with its command', async () => {
  const env = { TMPDIR: temporaryFolder() }
  const idle = startEvery([EVERY, '86400', 'true'], env)
  await idle.heard(/ended well/)
  idle.running.kill('SIGINT')
  expect(await idle.running).toMatchObject({ exitCode: 130 })

  const script = 'trap "echo stored; exit 143" TERM; echo begun; while :; do read -t 9 x; done'
  const busy = startEvery([EVERY, '0.01', 'bash', '-c', `${script} < <(tail -f /dev/null)`], env)
  await busy.heard(/begun/)
  busy.running.kill('SIGTERM')
  const ended = await busy.running
  expect(ended.all).toMatch(/^begun\nstored\nevery: stopped by SIGTERM$/)
  expect(ended.exitCode).toBe(143)
})

test('a command that is not there is a failed run; no command, or no time, is refused', async () => {
  const env = { TMPDIR: temporaryFolder() }
  const { running, heard } = startEvery([EVERY, '1000', 'no-such-program'], env)
  await heard(/FAILED \(spawn no-such-program ENOENT\)/)
  running.kill('SIGTERM')
  await running
  for (const args of [[], ['5'], ['soon', 'true'], ['0', 'true'], ['2147484', 'true']])
    expect(await startEvery([EVERY, ...args], env).running).toMatchObject({ exitCode: 2 })
})

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
  timeout: 60_000,
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
  const { running, heard } = startEvery(words, environmentOf('scheduler', company), project)
  await heard(/every: meltano FAILED \(exit 1\)/)
  expect(existsSync(join(folder, 'last-run-failed'))).toBe(true)
  await heard(/every: meltano has ended well/)
  expect(existsSync(join(folder, 'last-run-failed'))).toBe(false)
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
