import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test, vi } from 'vitest'
import { compareWithCompany, countRows, findProcess } from '../e2e/pipeline.ts'
import { ROOT } from '../release/packages.ts'
import { skip } from '../skip.ts'
import { INSTALLING_MS } from './installing.ts'
import { createProject, type Project, type Running } from './meltano.ts'
import { type Python, pythonWith } from './python.ts'

let python: Python
beforeAll(async () => {
  python = await pythonWith('meltano')
}, INSTALLING_MS)

/** A test with the shipped meltano.yml; skipped where Meltano cannot be installed. */
function withMeltano(name: string, run: (project: Project) => Promise<void>): void {
  test(name, { timeout: 180_000 }, async (context) => {
    if ('missing' in python) return skip(context, python.missing)
    await run(await createProject(python.bin, { invoices: 500, customers: 60, items: 30 }))
  })
}

const JOB = 'local:tap-quickbooks-to-target-postgres-raw'
const lines = (text: string, pattern: RegExp): string[] =>
  text.split('\n').filter((line) => pattern.test(line))

withMeltano(
  'each job loads its stream and keeps its own state; the schedule loads all',
  async (project) => {
    const items = await project.meltano('run qb_items_backfill')
    expect(items).toMatchObject({ exitCode: 0 })
    // Two at the same time share the connection and the database.
    const jobs = ['run qb_invoices_backfill', 'run qb_customers_backfill']
    for (const job of await Promise.all(jobs.map((args) => project.meltano(args))))
      expect(job).toMatchObject({ exitCode: 0 })
    expect(await compareWithCompany(project)).toEqual([])
    const { stdout } = await project.meltano('state list')
    expect(stdout.split('\n').sort()).toEqual(
      ['customers', 'invoices', 'items'].map(
        (stream) => `local:tap-quickbooks--${stream}-to-target-postgres-raw`,
      ),
    )
    // Discovery, which comes before each of them, costs nothing.
    const { total } = project.simulator.stats().metered
    expect(items.stderr).toContain('2 metered calls')
    expect(total).toBeLessThanOrEqual(6)

    const all = await project.meltano('schedule run qb_daily')
    expect(all).toMatchObject({ exitCode: 0 })
    expect(all.stderr).toMatch(/inserted 0, updated 0, unchanged 500,/)
    const { rows } = await project.database.query(
      'select state_id from raw._singer_state order by 1',
    )
    expect(rows.map(({ state_id }) => state_id)).toEqual([
      'tap-quickbooks',
      'tap-quickbooks--customers',
      'tap-quickbooks--invoices',
      'tap-quickbooks--items',
    ])
  },
)

withMeltano('a state can be shown, cleared, and had again from the database', async (project) => {
  const load = 'el tap-quickbooks target-postgres-raw --state-id nightly'
  const calls = async (): Promise<number> => {
    project.simulator.reset()
    project.simulator.clock.advance(60)
    expect(await project.meltano(load)).toMatchObject({ exitCode: 0 })
    return project.simulator.stats().metered.total
  }
  expect(await calls()).toBeGreaterThan(3)
  expect(await calls()).toBe(1)
  const kept = await project.stateOf('nightly')

  const stored = await project.meltano('invoke target-postgres-raw state', {
    TARGET_POSTGRES_RAW_STATE_ID: 'tap-quickbooks',
  })
  expect(JSON.parse(stored.stdout)).toEqual(kept)
  expect(await project.meltano('state clear --force nightly')).toMatchObject({ exitCode: 0 })
  expect(await project.stateOf('nightly')).toEqual({})
  project.write('state.json', `{"singer_state": ${stored.stdout}}`)
  expect(await project.meltano('state set --force nightly --input-file state.json')).toMatchObject({
    exitCode: 0,
  })
  expect(await calls()).toBe(1)
})

/** Starts a run that slows down; resolves once some of it is stored and Meltano has its STATE. */
async function startSlowly(project: Project): Promise<Running> {
  project.simulator.script.add({ times: 0, entity: 'Invoice', after: 2, delayMs: 4000 })
  project.set({
    TAP_QUICKBOOKS_PAGE_SIZE: '100',
    TAP_QUICKBOOKS_CONCURRENCY: '1',
    TARGET_POSTGRES_RAW_BATCH_WAIT_LIMIT_SECONDS: '0.2',
  })
  const running = project.start('run qb_backfill')
  let told = ''
  await new Promise<void>((resolve, reject) => {
    running.stderr.on('data', (text) => {
      told += text
      if (/state has been updated/.test(told)) resolve()
    })
    void running.ended.then(() => reject(new Error(`it ended:\n${told}`)))
  })
  return running
}

withMeltano(
  'SIGTERM to Meltano stops both with what is stored; the next run goes on',
  async (project) => {
    const running = await startSlowly(project)
    running.kill('SIGTERM')
    const ended = await running.ended
    expect(ended.exitCode).not.toBe(0)
    expect(lines(ended.stderr, /stopped by SIGTERM/).length).toBe(2)
    const stored = await countRows(project, 'invoices')
    const { bookmarks } = await project.stateOf(JOB)
    expect(bookmarks?.invoices?.rows).toBeGreaterThan(0)
    expect(bookmarks?.invoices?.rows).toBeLessThanOrEqual(stored)

    project.simulator.script.clear()
    expect(await project.meltano('run qb_backfill')).toMatchObject({ exitCode: 0 })
    expect(await compareWithCompany(project)).toEqual([])
  },
)

withMeltano(
  'after kill -9 of Meltano the next run goes on, and nothing is left running',
  async (project) => {
    const running = await startSlowly(project)
    running.kill('SIGKILL')
    await running.ended
    const stored = await countRows(project, 'invoices')
    expect(stored).toBeGreaterThan(0)

    project.simulator.script.clear()
    const next = await project.meltano('run --force qb_backfill')
    expect(next).toMatchObject({ exitCode: 0 })
    expect(next.stderr).not.toMatch(/inserted 500,/)
    expect(await compareWithCompany(project)).toEqual([])
    for (const program of ['tap-quickbooks', 'target-postgres-raw'])
      await vi.waitFor(() => expect(findProcess(project, program)).toBeUndefined(), 20_000)
  },
)

withMeltano(
  'select chooses streams and fields, and changes no other line of meltano.yml',
  async (project) => {
    const shipped = readFileSync(join(ROOT, 'meltano.yml'), 'utf8').split('\n')
    await project.meltano('select tap-quickbooks accounts *')
    await project.meltano('select tap-quickbooks --exclude invoices Line')
    const now = readFileSync(join(project.folder, 'meltano.yml'), 'utf8').split('\n')
    expect(now.filter((line) => !shipped.includes(line)).map((line) => line.trim())).toEqual([
      '- accounts.*',
      "- '!invoices.Line'",
    ])
    expect(now.length).toBe(shipped.length + 2)

    const { stdout } = await project.meltano('select tap-quickbooks --list --all')
    expect(stdout).toMatch(/\[automatic *\] invoices\.Id\n/)
    expect(stdout).toMatch(/\[selected *\] accounts\.Name\n/)
    expect(stdout).toMatch(/\[excluded *\] vendors\.DisplayName\n/)
    expect(project.simulator.stats().metered.total).toBe(0)
    await project.meltano('config set tap-quickbooks client_secret another')
    expect(readFileSync(join(project.folder, '.env'), 'utf8')).toContain('another')
    expect(readFileSync(join(project.folder, 'meltano.yml'), 'utf8')).not.toContain('another')
    project.set({})

    expect(await project.meltano('run qb_backfill')).toMatchObject({ exitCode: 0 })
    const { rows } = await project.database.query(`
    select count(*)::int as rows, count(payload->'Line')::int as lines,
           count(payload->'MetaData')::int as changed, count(request_payload)::int as origins
    from raw.qb_invoices`)
    expect(rows).toEqual([{ rows: 500, lines: 0, changed: 500, origins: 500 }])
    expect(await countRows(project, 'items')).toBe(30)
  },
)

withMeltano('config test and invoke try out both programs', async (project) => {
  const tap = await project.meltano('config test tap-quickbooks')
  expect(tap).toMatchObject({ exitCode: 0, stdout: 'Plugin configuration is valid' })
  const target = await project.meltano('config test target-postgres-raw')
  // Meltano 4.4.1 ends any loader that has ended already.
  if (target.exitCode !== 0) expect(target.stderr).toMatch(/\nProcessLookupError/)
  expect(await countRows(project, 'meltano_test_stream')).toBe(1)

  const discovered = await project.meltano('invoke tap-quickbooks --discover')
  expect(JSON.parse(discovered.stdout).streams.length).toBeGreaterThan(3)
  const about = await project.meltano('invoke tap-quickbooks --about --format=json')
  expect(JSON.parse(about.stdout).name).toBe('tap-quickbooks')
  const plan = await project.meltano('invoke tap-quickbooks plan')
  expect(plan.stdout).toMatch(/^invoices .* 500 /m)
})

withMeltano(
  'settings are text in .env, a fault in them is shown, and no secret is',
  async (project) => {
    project.set({
      TAP_QUICKBOOKS_CHUNK_DAYS: '7.5',
      TAP_QUICKBOOKS_DELETES: 'false',
      TAP_QUICKBOOKS_CALL_LIMIT: '100',
      TAP_QUICKBOOKS_ENVIRONMENT: 'sandbox',
      TARGET_POSTGRES_RAW_BACKOFF_SECONDS: '0.5',
      TARGET_POSTGRES_RAW_HARD_DELETE: 'true',
    })
    const good = await project.meltano('--log-format=json run qb_items_backfill')
    expect(good).toMatchObject({ exitCode: 0 })
    const entries = good.stderr.split('\n').map((line) => JSON.parse(line))
    const counted = {
      metric: 'record_count',
      type: 'counter',
      value: 30,
      tags: { stream: 'items' },
    }
    for (const name of ['tap-quickbooks--items', 'target-postgres-raw'])
      expect(entries).toContainEqual(
        expect.objectContaining({
          name,
          level: 'info',
          metric_info: counted,
          stream_name: 'items',
        }),
      )
    const { rows } = await project.database.query(
      'select distinct extract(epoch from extract_window_end_utc - extract_window_start_utc)::int as s from raw.qb_items',
    )
    expect(rows).toEqual([{ s: 7.5 * 86_400 }])

    project.set({ TAP_QUICKBOOKS_CHUNK_DAYS: 'many' })
    const bad = await project.meltano('run qb_items_backfill')
    expect(bad.exitCode).toBe(1)
    expect(bad.stderr).toMatch(/\[error *\] tap-quickbooks--items chunk_days: must be number/)
    expect(bad.stderr).toMatch(/\[critical *\] tap-quickbooks--items /)
    const listed = await project.meltano('config list tap-quickbooks')
    const { client_secret, refresh_token } = project.simulator.config
    const first = JSON.parse(readFileSync(project.tapConfig, 'utf8')).refresh_token
    for (const secret of [client_secret, refresh_token, first])
      for (const { stdout, stderr } of [good, bad, listed])
        expect(stdout + stderr).not.toContain(secret)
  },
)
