import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { beforeAll, expect, test } from 'vitest'
import { skip } from '../skip.ts'
import { createBooks, options, settingsOf } from './books.ts'
import { readText } from './deployment.ts'

let hasPython = false
beforeAll(async () => {
  const { exitCode } = await execa('python3', ['--version'], { reject: false })
  hasPython = exitCode === 0
})

/** As much of Airflow and of Dagster as the examples use. */
const AIRFLOW = `
import json, runpy, sys, types
class DAG:
    def __init__(self, *_, **__): pass
    def __enter__(self): return self
    def __exit__(self, *_): pass
class Connection:
    def __init__(self, given): self.__dict__.update(given)
    @classmethod
    def get(cls, name): return cls(json.load(open(sys.argv[2]))[name])
airflow, sdk = types.ModuleType("airflow"), types.ModuleType("airflow.sdk")
sdk.DAG, sdk.Connection, sdk.task = DAG, Connection, lambda **_: lambda function: function
sys.modules.update({"airflow": airflow, "airflow.sdk": sdk})
runpy.run_path(sys.argv[1])
`
const DAGSTER = `
import logging, runpy, sys, types
dagster = types.ModuleType("dagster")
dagster.op = dagster.job = lambda function: function
dagster.OpExecutionContext, dagster.Failure = object, Exception
dagster.DefaultScheduleStatus = types.SimpleNamespace(RUNNING=1)
dagster.ScheduleDefinition = dagster.Definitions = lambda **_: None
sys.modules["dagster"] = dagster
logging.basicConfig(level="INFO")
runpy.run_path(sys.argv[1])["load"](types.SimpleNamespace(log=logging))
`

test('Airflow: the task of the DAG, with its connections', async (context) => {
  if (!hasPython) skip(context, 'there is no python3')
  const books = await createBooks()
  const dag = books.write('dag.py', books.placed(readText('dev/schedulers/airflow_dag.py')))
  const { secrets, company } = settingsOf(books)
  const { TAP_QUICKBOOKS_REALM_ID: realm_id, ...local } = company
  const warehouse = new URL(books.connectionString)
  const connections = {
    quickbooks: {
      login: secrets.TAP_QUICKBOOKS_CLIENT_ID,
      password: secrets.TAP_QUICKBOOKS_CLIENT_SECRET,
      extra_dejson: { refresh_token: secrets.TAP_QUICKBOOKS_REFRESH_TOKEN, realm_id },
    },
    warehouse: {
      host: warehouse.hostname,
      port: Number(warehouse.port),
      login: warehouse.username,
      password: decodeURIComponent(warehouse.password),
      schema: warehouse.pathname.slice(1),
    },
  }
  const file = books.write('connections.json', connections)
  const run = (more: NodeJS.ProcessEnv) =>
    execa('python3', ['-c', AIRFLOW, dag, file], options({ ...local, ...more }))
  const ended = await run({})
  await books.expectLoaded(ended)
  for (const secret of Object.values(secrets)) expect(ended.all).not.toContain(secret)
  expect(ended.stdout).toMatch(/inserted 300,/)
  // No template, in which a secret would be rendered.
  expect(readText('dev/schedulers/airflow_dag.py')).not.toMatch(/\{\{|BashOperator/)

  const stopped = await run({ TAP_QUICKBOOKS_MAX_ATTEMPTS: 'many' })
  expect(stopped.exitCode).not.toBe(0)
  expect(stopped.stderr).toMatch(/RuntimeError: singer-run ended with 1; see Runbook/)
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
