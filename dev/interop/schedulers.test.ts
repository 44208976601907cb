import {
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
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { compareWithCompany, createPipeline, type Pipeline } from '../e2e/pipeline.ts'
import { ROOT } from '../release/packages.ts'
import { skip } from '../skip.ts'
import { readText, readYaml } from './deployment.ts'

const COMPANY = { invoices: 300, customers: 40, items: 20 }
const inRoot = (path: string): string => join(ROOT, path)
const WITH_SECRETS = inRoot('dev/containers/with-secrets')
const PATH = process.env.PATH ?? ''

/** A pipeline whose folder holds what the examples expect in /etc/books and /var/lib/books. */
type Books = Pipeline & {
  /** The text of an example, with the folders of this machine. */
  placed(text: string): string
  /** What is left to load: a run that has nothing to do makes one call. */
  expectLoaded(ended: { exitCode?: number | undefined; all?: string }): Promise<void>
}

async function createBooks(): Promise<Books> {
  const pipeline = await createPipeline(COMPANY)
  const { folder, simulator, connectionString, write } = pipeline
  mkdirSync(join(folder, 'lib'))
  // The examples say by XDG_STATE_HOME where the tokens are kept.
  write('quickbooks.json', simulator.config)
  write('postgres.json', { connection_string: connectionString, table_prefix: 'qb_' })
  symlinkSync(inRoot('node_modules'), join(folder, 'node_modules'))
  return {
    ...pipeline,
    placed: (text) =>
      text
        .replaceAll('/opt/books', ROOT.replace(/\/$/, ''))
        .replaceAll('/etc/books', folder)
        .replaceAll('/var/lib/books', join(folder, 'lib')),
    async expectLoaded({ exitCode, all }) {
      expect({ exitCode, all: exitCode === 0 ? '' : all }).toEqual({ exitCode: 0, all: '' })
      expect(await compareWithCompany(pipeline)).toEqual([])
    },
  }
}

/** Nothing of the tests' own environment, as a scheduler starts it. */
const options = (env: NodeJS.ProcessEnv, cwd = '/') =>
  ({ cwd, env: { PATH, ...env }, extendEnv: false, reject: false, all: true }) as const

/** The settings that a container gets as variables, or as files in /run/secrets. */
const settingsOf = ({ simulator, connectionString }: Pipeline) => {
  const { client_id, client_secret, refresh_token, realm_id, base_url, token_url } =
    simulator.config
  return {
    secrets: {
      TAP_QUICKBOOKS_CLIENT_ID: client_id,
      TAP_QUICKBOOKS_CLIENT_SECRET: client_secret,
      TAP_QUICKBOOKS_REFRESH_TOKEN: refresh_token,
      TARGET_POSTGRES_RAW_CONNECTION_STRING: connectionString,
    },
    company: {
      TAP_QUICKBOOKS_REALM_ID: realm_id,
      TAP_QUICKBOOKS_BASE_URL: base_url,
      TAP_QUICKBOOKS_TOKEN_URL: token_url,
    },
  }
}

const linesOf = (path: string): string[] =>
  readText(path)
    .split('\n')
    .filter((line) => !line.startsWith('#'))

test("cron: the crontab's line, which is the README's too", async () => {
  const lines = linesOf('dev/schedulers/crontab').filter((line) => line !== '')
  const job = lines.find((line) => /^\d/.test(line)) ?? ''
  expect(readText('README.md')).toContain(`\`\`\`cron\n${job}\n\`\`\``)
  const books = await createBooks()
  const variables = lines.filter((line) => /^[A-Z_]+=/.test(line)).map((line) => line.split('='))
  const { XDG_STATE_HOME } = Object.fromEntries(variables)
  // Cron takes an unescaped % for the end of the command.
  expect(job).not.toMatch(/%/)
  const command = books.placed(job.split(/\s+/).slice(5).join(' '))
  const env = { HOME: '/nowhere', XDG_STATE_HOME: books.placed(XDG_STATE_HOME ?? '') }
  await books.expectLoaded(await execa('sh', ['-c', command], options(env)))
  expect(readdirSync(join(books.folder, 'lib'))).toEqual([
    'quickbooks.json',
    'runs',
    'tap-quickbooks',
  ])
})

test('systemd: the command of the service, with its credentials and its folder', async () => {
  const books = await createBooks()
  const unit = linesOf('dev/schedulers/books.service')
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
  const value = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? ''
  for (const [, name, file] of unit.matchAll(/^LoadCredential=(.*):(.*)$/gm))
    expect(file).toBe(`/etc/books/${name}`)
  const placed = (text: string) =>
    books.placed(text).replaceAll('%d', books.folder).replaceAll('%S/books', `${books.folder}/lib`)
  const [variable = '', folder = ''] = placed(value('Environment')).split('=')
  const command = placed(value('ExecStart'))
  await books.expectLoaded(await execa('sh', ['-c', command], options({ [variable]: folder })))
  expect(readdirSync(join(books.folder, 'lib'))).toEqual([
    'quickbooks.json',
    'runs',
    'tap-quickbooks',
  ])
})

test('systemd: systemd-analyze verify has nothing to say', async (context) => {
  const { exitCode } = await execa('systemd-analyze', ['--version'], { reject: false })
  if (exitCode !== 0) skip(context, 'there is no systemd-analyze')
  const folder = mkdtempSync(join(tmpdir(), 'units-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const units = ['books.service', 'books.timer'].map((name) => {
    const text = readText(`dev/schedulers/${name}`)
    writeFileSync(join(folder, name), text.replaceAll('/opt/books/', ROOT))
    return join(folder, name)
  })
  const ended = await execa('systemd-analyze', ['verify', ...units], { reject: false, all: true })
  expect(ended.all).toBe('')
  expect(ended.exitCode).toBe(0)
})

test('Kubernetes: the command of the CronJob, with its secret as files', async () => {
  const books = await createBooks()
  const [cron, claim] = readYaml('dev/schedulers/kubernetes.yaml')
  expect([cron.kind, cron.apiVersion, claim.kind]).toEqual([
    'CronJob',
    'batch/v1',
    'PersistentVolumeClaim',
  ])
  const pod = cron.spec.jobTemplate.spec.template.spec
  const [container] = pod.containers
  const mounts = container.volumeMounts.map((one: { name: string }) => one.name)
  expect(pod.volumes.map((one: { name: string }) => one.name)).toEqual(mounts)
  const data = pod.volumes.find((one: { name: string }) => one.name === 'data')
  expect(data.persistentVolumeClaim.claimName).toBe(claim.metadata.name)

  const { secrets, company } = settingsOf(books)
  const folder = join(books.folder, 'secrets')
  mkdirSync(folder)
  for (const [name, value] of Object.entries(secrets)) {
    // The page says which lines the Secret is made of.
    expect(readText('dev/schedulers/kubernetes.yaml')).toMatch(`${name}=…`)
    writeFileSync(join(folder, name), value)
  }
  const given: { name: string; value: string }[] = container.env
  const env = Object.fromEntries(given.map(({ name, value }) => [name, value]))
  const args = container.args.map((arg: string) => arg.replace('/data', join(books.folder, 'lib')))
  const inImage = {
    PATH: [inRoot('node_modules/.bin'), PATH].join(delimiter),
    XDG_STATE_HOME: join(books.folder, 'lib'),
    SECRETS_FOLDER: folder,
  }
  const ended = await execa(WITH_SECRETS, args, options({ ...env, ...company, ...inImage }))
  await books.expectLoaded(ended)
  expect(readdirSync(join(books.folder, 'lib'))).toEqual([
    'quickbooks.json',
    'runs',
    'tap-quickbooks',
  ])
})

test('GitHub Actions: the state comes from the warehouse, the token goes to its secret', async () => {
  const books = await createBooks()
  const [{ jobs }] = readYaml('dev/schedulers/github-actions.yml')
  const { run, env } = jobs.load.steps.at(-1)
  const { secrets, company } = settingsOf(books)
  const { TAP_QUICKBOOKS_REFRESH_TOKEN: first, ...kept } = secrets
  const home = (name: string): string => {
    mkdirSync(join(books.folder, name))
    return join(books.folder, name)
  }
  const bin = home('bin')
  const secret = join(books.folder, 'secret')
  writeFileSync(secret, first)
  // As much of gh as the job needs.
  writeFileSync(
    join(bin, 'gh'),
    `#!/bin/sh\n[ "$*" = 'secret set QUICKBOOKS_REFRESH_TOKEN --repo books/books' ] && cat > ${secret}\n`,
    { mode: 0o755 },
  )
  const aRun = async (name: string): Promise<number> => {
    // A runner keeps nothing of the one before.
    const cwd = home(name)
    symlinkSync(inRoot('node_modules'), join(cwd, 'node_modules'))
    books.simulator.reset()
    books.simulator.clock.advance(60)
    const ended = await execa(
      'bash',
      ['-e', '-c', run],
      options(
        {
          ...env,
          ...kept,
          ...company,
          PATH: [bin, PATH].join(delimiter),
          HOME: cwd,
          RUNNER_TEMP: cwd,
          GITHUB_REPOSITORY: 'books/books',
          REFRESH_TOKEN: readFileSync(secret, 'utf8'),
        },
        cwd,
      ),
    )
    await books.expectLoaded(ended)
    expect(readFileSync(secret, 'utf8')).toBe(books.simulator.tokens.refreshToken())
    return books.simulator.stats().metered.total
  }
  expect(await aRun('first')).toBeGreaterThan(2)
  expect(readFileSync(secret, 'utf8')).not.toBe(first)
  expect(await aRun('second')).toBe(1)
})

let hasPython = false
beforeAll(async () => {
  const { exitCode } = await execa('python3', ['--version'], { reject: false })
  hasPython = exitCode === 0
})

/** As much of Airflow and of Dagster as the examples use. */
const AIRFLOW = `
import json, sys, types
class Anything:
    def __init__(self, *_, **given): self.given = given
    def __enter__(self): return self
    def __exit__(self, *_): pass
def BashOperator(**given): print(json.dumps(given))
def module(name, **members):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__dict__.update(members)
for name in ("airflow", "airflow.providers", "airflow.providers.standard", "airflow.providers.standard.operators"): module(name)
module("airflow.sdk", DAG=Anything)
module("airflow.providers.standard.operators.bash", BashOperator=BashOperator)
import runpy
runpy.run_path(sys.argv[1])
`
const DAGSTER = `
import logging, runpy, sys, types
dagster = types.ModuleType("dagster")
dagster.op = dagster.job = lambda function: function
dagster.OpExecutionContext, dagster.Failure = object, Exception
dagster.ScheduleDefinition = dagster.Definitions = lambda **_: None
sys.modules["dagster"] = dagster
logging.basicConfig(level="INFO")
runpy.run_path(sys.argv[1])["load"](types.SimpleNamespace(log=logging))
`

test('Airflow: the command of the DAG, with its connections', async (context) => {
  if (!hasPython) skip(context, 'there is no python3')
  const books = await createBooks()
  const dag = inRoot('dev/schedulers/airflow_dag.py')
  const { stdout } = await execa('python3', ['-c', AIRFLOW, dag])
  const task = JSON.parse(stdout)
  const { secrets, company } = settingsOf(books)
  const rendered: Record<string, string> = {
    '{{ conn.quickbooks.login }}': secrets.TAP_QUICKBOOKS_CLIENT_ID,
    '{{ conn.quickbooks.password }}': secrets.TAP_QUICKBOOKS_CLIENT_SECRET,
    '{{ conn.quickbooks.extra_dejson.refresh_token }}': secrets.TAP_QUICKBOOKS_REFRESH_TOKEN,
    '{{ conn.quickbooks.extra_dejson.realm_id }}': company.TAP_QUICKBOOKS_REALM_ID,
    '{{ conn.warehouse.get_uri() }}': secrets.TARGET_POSTGRES_RAW_CONNECTION_STRING,
  }
  const env = Object.fromEntries(
    Object.entries<string>(task.env).map(([name, value]) => [
      name,
      rendered[value] ?? books.placed(value),
    ]),
  )
  expect(Object.values(env).join()).not.toMatch(/\{\{/)
  const { TAP_QUICKBOOKS_BASE_URL, TAP_QUICKBOOKS_TOKEN_URL } = company
  const local = { TAP_QUICKBOOKS_BASE_URL, TAP_QUICKBOOKS_TOKEN_URL }
  const command = ['-c', books.placed(task.bash_command)]
  await books.expectLoaded(await execa('bash', command, options({ ...env, ...local })))
})

test('Dagster: the op runs the pair, and fails with it', async (context) => {
  if (!hasPython) skip(context, 'there is no python3')
  const books = await createBooks()
  const job = books.write('job.py', books.placed(readText('dev/schedulers/dagster_job.py')))
  const run = () => execa('python3', ['-c', DAGSTER, job], options({}))
  const ended = await run()
  await books.expectLoaded(ended)
  expect(ended.stderr).toMatch(/INFO:root:.*inserted 300,/)
  books.write('postgres.json', { port: 'many' })
  const failed = await run()
  expect(failed.exitCode).not.toBe(0)
  expect(failed.stderr).toMatch(/Exception: singer-run ended with 1;/)
  expect(existsSync(join(books.folder, 'lib', 'quickbooks.json'))).toBe(true)
})
