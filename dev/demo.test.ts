import { type ChildProcess, spawn } from 'node:child_process'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { isInformation } from './demo-pipeline.ts'
import { cell } from './demo-report.ts'
import { ask } from './postgres.ts'
import { startSimulator } from './simulator/index.ts'
import { testDatabase } from './vitest-postgres.ts'

const DEMO = fileURLToPath(new URL('./demo.ts', import.meta.url))
const SMALL = ['--invoices', '120', '--customers', '30', '--items', '20']

const folder = (): string => mkdtempSync(join(tmpdir(), 'demo-'))

/** What a test that failed has left is ended. */
const running = new Set<ChildProcess>()
afterAll(() => {
  for (const child of running) child.kill('SIGTERM')
})

type Started = {
  pid: number
  output(): string
  /** Resolves as soon as the output has it; rejects when the demo ends without. */
  saw(text: string): Promise<void>
  ended: Promise<number | null>
}

function startDemo(
  directory: string,
  flags: string[],
  environment: Record<string, string>,
): Started {
  // Nothing of whoever runs the tests: neither credentials nor a database.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(TAP_|TARGET_|PG|DATABASE_URL)/.test(name)),
  )
  const node = ['--import', import.meta.resolve('tsx'), '--conditions=@singer-io-ts/source', DEMO]
  const child = spawn(process.execPath, [...node, '--directory', directory, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...env, ...environment },
  })
  running.add(child)
  let output = ''
  const listeners = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      output += text
      for (const listener of listeners) listener()
    })
  const ended = new Promise<number | null>((resolve) =>
    child.once('close', (code) => {
      running.delete(child)
      resolve(code)
    }),
  )
  return {
    pid: child.pid ?? 0,
    output: () => output,
    ended,
    saw: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (output.includes(text)) resolve()
        }
        listeners.add(look)
        void ended.then(() => reject(new Error(`never saw ${text} in:\n${output}`)))
        look()
      }),
  }
}

const countOf = async (database: string, table: string): Promise<number> =>
  Number((await ask(database, `select count(*) from ${table}`))[0].count)

/** Rows by month as the page has them, without the months that have none. */
function monthsOf(page: string, stream: string): Record<string, number> {
  const [, table = ''] = /<caption>Rows per month<\/caption>([\s\S]*?)<\/table>/.exec(page) ?? []
  const heads = [...table.matchAll(/<th scope="col"[^>]*>(.*?)<\/th>/g)].map(([, head]) => head)
  const rows = [...table.matchAll(/<tr><th scope="row"[^>]*>(.*?)<\/th>(.*?)<\/tr>/g)]
  const cells = rows.map(([, month = '', tail = '']): [string, number] => {
    const counts = [...tail.matchAll(/<td[^>]*>(.*?)<\/td>/g)].map(([, count]) => count)
    return [month, Number(counts[heads.indexOf(stream) - 1]?.replaceAll(',', '').replace('–', '0'))]
  })
  return Object.fromEntries(cells.filter(([month, count]) => month !== 'all' && count !== 0))
}

async function monthsInTable(database: string, stream: string): Promise<Record<string, number>> {
  const rows = await ask(
    database,
    `select to_char(extract_window_start_utc at time zone 'UTC', 'YYYY-MM') as month,
       count(*)::int as rows
     from singer_demo.qb_${stream} where deleted_at_utc is null group by 1 order by 1`,
  )
  return Object.fromEntries(rows.map(({ month, rows }) => [month, rows]))
}

test('npm start loads a simulated company, and a second start has little to do', async () => {
  const directory = folder()
  const database = await testDatabase()
  const first = startDemo(directory, SMALL, { DATABASE_URL: database })
  expect(await first.ended, first.output()).toBe(0)
  expect(first.output()).toContain('a simulated company (no credentials')
  expect(first.output()).toMatch(/^invoices +120 +120 +\d+ +\d+ /m)
  expect(first.output()).toMatch(/^ {2}singer_demo\.qb_customers +30 +0 /m)
  expect(first.output()).toMatch(/The state is in \S*state\/demo\.json/)
  expect(await countOf(database, 'singer_demo.qb_invoices')).toBe(120)
  const page = readFileSync(join(directory, '.local/demo/report.html'), 'utf8')
  for (const stream of ['invoices', 'customers', 'items'])
    expect(monthsOf(page, stream), stream).toEqual(await monthsInTable(database, stream))
  // Of singer-run alone, neither QuickBooks nor Postgres would be there any more.
  expect(page).toContain(`\nnpm start -- --directory ${directory}</pre>`)
  expect(page).not.toContain('npx singer-run')
  for (const file of ['tap', 'target', 'token'])
    expect(statSync(join(directory, '.local', 'demo', `${file}.json`)).mode & 0o777).toBe(0o600)

  const second = startDemo(directory, [], { DATABASE_URL: database })
  expect(await second.ended, second.output()).toBe(0)
  expect(second.output()).toMatch(/goes on from \S*state\/demo\.json/)
  expect(second.output()).toMatch(
    /It went on where the last run ended and had little to do: 7 rows/,
  )
  // One invoice was written in between, one deleted.
  expect(await countOf(database, 'singer_demo.qb_invoices')).toBe(121)
  expect(second.output()).toMatch(/^ {2}singer_demo\.qb_invoices +121 +1 /m)

  const config = JSON.parse(readFileSync(join(directory, '.local/demo/tap.json'), 'utf8'))
  const log = readFileSync(join(directory, '.local/demo/run.log'), 'utf8')
  const runs = join(directory, '.local/demo/runs')
  const records = readdirSync(runs).map((name) => readFileSync(join(runs, name), 'utf8'))
  expect(records).toHaveLength(2)
  const told = [first.output(), second.output(), log, page, ...records].join('\n')
  for (const secret of [config.client_secret, config.refresh_token, database])
    expect(told).not.toContain(secret)

  const fresh = startDemo(directory, ['--fresh', '--items', '5'], { DATABASE_URL: database })
  expect(await fresh.ended, fresh.output()).toBe(0)
  expect(fresh.output()).toContain('first run: everything is read')
  expect(await countOf(database, 'singer_demo.qb_items')).toBe(5)
}, 180_000)

test('a state whose tables are lost is begun anew for the simulated company', async () => {
  const directory = folder()
  expect(await startDemo(directory, SMALL, { DATABASE_URL: await testDatabase() }).ended).toBe(0)
  const database = await testDatabase()
  const again = startDemo(directory, SMALL, { DATABASE_URL: database })
  expect(await again.ended, again.output()).toBe(0)
  expect(await countOf(database, 'singer_demo.qb_invoices')).toBe(120)
})

test('real credentials come from .env, never reach a file, and a lost table is refused', async () => {
  const directory = folder()
  const database = await testDatabase()
  const company = await startSimulator({ invoices: 50, customers: 10, items: 10 })
  try {
    const { config } = company
    const lines = Object.entries({ ...config, token_file: join(directory, 'token.json') })
      .filter(([name]) => name !== 'start_date')
      .map(([name, value]) => `TAP_QUICKBOOKS_${name.toUpperCase()}=${value}\n`)
    writeFileSync(join(directory, '.env'), `${lines.join('')}DATABASE_URL=${database}\n`)
    const run = startDemo(directory, [], {})
    expect(await run.ended, run.output()).toBe(0)
    expect(run.output()).toContain(`company ${config.realm_id}, with the credentials you gave`)
    expect(await countOf(database, 'raw.qb_invoices')).toBe(50)
    expect(existsSync(join(directory, 'state', 'npm_start.json'))).toBe(true)
    const settings = readFileSync(join(directory, '.local/npm_start/tap.json'), 'utf8')
    expect(JSON.parse(settings)).toEqual({ start_date: '2000-01-01' })

    await ask(database, 'drop schema raw cascade')
    const refused = startDemo(directory, [], {})
    expect(await refused.ended).toBe(1)
    expect(refused.output()).toMatch(/says what is loaded, but .* has no table for it/)
  } finally {
    await company.close()
  }
})

test('half of the credentials is a mistake that is told', async () => {
  const run = startDemo(folder(), [], { TAP_QUICKBOOKS_REALM_ID: '1' })
  expect(await run.ended).toBe(1)
  expect(run.output()).toMatch(/ERROR TAP_QUICKBOOKS_CLIENT_ID: is missing/)
  expect(run.output()).not.toContain('ERROR TAP_QUICKBOOKS_REALM_ID')
})

test('with --keep the company stays up until Ctrl-C, and no second start gets in between', async () => {
  const directory = folder()
  const environment = { DATABASE_URL: await testDatabase() }
  const run = startDemo(directory, [...SMALL, '--keep'], environment)
  await run.saw('Postgres stays up until Ctrl-C')
  const config = JSON.parse(readFileSync(join(directory, '.local/demo/tap.json'), 'utf8'))
  expect((await fetch(`${config.base_url}/_simulator/stats`)).status).toBe(200)

  const second = startDemo(directory, [], environment)
  expect(await second.ended).toBe(1)
  expect(second.output()).toContain('another npm start is at work')

  process.kill(-run.pid, 'SIGINT')
  expect(await run.ended).toBe(0)
  await expect(fetch(`${config.base_url}/_simulator/stats`)).rejects.toThrow()
})

test('Ctrl-C while it loads ends everything, and the next start goes on', async () => {
  const directory = folder()
  const environment = { DATABASE_URL: await testDatabase() }
  const run = startDemo(directory, SMALL, environment)
  await run.saw('Pipeline')
  process.kill(-run.pid, 'SIGINT')
  expect(await run.ended).toBe(130)
  const next = startDemo(directory, SMALL, environment)
  expect(await next.ended, next.output()).toBe(0)
  expect(await countOf(environment.DATABASE_URL, 'singer_demo.qb_items')).toBe(20)
  rmSync(directory, { recursive: true })
})

test('a wrong flag: usage, exit 2', async () => {
  const run = startDemo(folder(), ['--frsh'], {})
  expect(await run.ended).toBe(2)
  expect(run.output()).toMatch(/Unknown option '--frsh'/)
})

test('exact sums are grouped by thousands, whatever their size', () => {
  expect(cell('12345678901234567890.10')).toBe('12,345,678,901,234,567,890.10')
  expect(cell('-1234')).toBe('-1,234')
  expect(cell('999')).toBe('999')
  expect(cell(2026)).toBe('2026')
  expect(cell('Birch 1000')).toBe('Birch 1000')
  expect(cell(null)).toBe('-')
})

test('warnings and the end table are shown, information is not', () => {
  expect(isInformation('tap: INFO invoices: 5 rows')).toBe(true)
  expect(isInformation('INFO first run')).toBe(true)
  expect(isInformation('tap: WARNING slow')).toBe(false)
  expect(isInformation('CRITICAL the tap failed')).toBe(false)
  expect(isInformation('invoices  20,000')).toBe(false)
})
