/**
 * `npm start`: QuickBooks, a Postgres, the pipeline between them, and what was loaded.
 * A second start goes on from the state.
 */
import { existsSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { EXIT, formatCount, type Life, runMain, SingerError, tryLock } from '@singer-io-ts/core'
import { quoteWord } from '../singer-run/src/redact.ts'
import {
  beginDiary,
  businessInstant,
  type Diary,
  readDiary,
  type Sizes,
  startCompany,
  writeDiary,
} from './demo-company.ts'
import { makePage } from './demo-page.ts'
import { runPipeline } from './demo-pipeline.ts'
import {
  beginAnew,
  type Database,
  hasTables,
  openDatabase,
  type Places,
  placesOf,
  refuseLostTables,
  writeSettings,
} from './demo-places.ts'
import { print, printTables } from './demo-report.ts'
import { type Environment, hasCredentials, readEnvironment } from './demo-source.ts'

const HELP = `npm start [-- flags]

Loads a QuickBooks company into Postgres and shows what was loaded. Without credentials
(TAP_QUICKBOOKS_… in the environment or .env) the company is a simulated one; without
DATABASE_URL or PG* the Postgres is an embedded one, kept in .local.

  --fresh         begin anew: forget the state and what was loaded
  --keep          keep Postgres (and the simulated company) up until Ctrl-C, to look inside
  --invoices N    size of the simulated company: 20000 invoices,
  --customers N   5000 customers
  --items N       and 1000 items, unless said otherwise
  --directory D   keep .local and state there instead of in this repository`

const REPOSITORY = resolve(fileURLToPath(new URL('..', import.meta.url)))

type Options = { fresh: boolean; keep: boolean; base: string; sizes: Partial<Sizes> }

await runMain('npm start', process.env, async (life) => {
  const options = readOptions(process.argv.slice(2))
  if (options === undefined) return EXIT.done
  if (typeof options === 'number') return options
  const environment = readEnvironment(options.base, life.environment)
  const lock = await tryLock(`npm start ${options.base}`)
  if (lock === undefined)
    throw new SingerError(EXIT.config, `another npm start is at work in ${options.base}`, {
      hint: 'End it first (Ctrl-C), or give this one another --directory.',
    })
  return hasCredentials(environment)
    ? showQuickbooks(options, environment, life)
    : showSimulated(options, environment, life)
})

/** The simulated company: the same at each start, with a morning's work done in between. */
async function showSimulated(options: Options, env: Environment, life: Life): Promise<number> {
  const places = placesOf(options.base, 'demo')
  const database = await openDatabase(places, 'demo', env)
  try {
    const sizes = { invoices: 20_000, customers: 5_000, items: 1_000, ...options.sizes }
    let diary = readDiary(places.diary)
    const isOther = diary !== undefined && !isSameSize(diary.sizes, options.sizes)
    const isWhole = diary !== undefined && existsSync(places.state) && (await hasTables(database))
    if (diary === undefined || options.fresh || isOther || !isWhole) {
      await beginAnew(places, 'demo', database)
      diary = beginDiary(sizes)
    } else diary.business.push(businessInstant(Date.now()))
    await writeDiary(places.diary, diary)
    const simulator = await startCompany(diary)
    try {
      print(`QuickBooks  ${describeCompany(diary)}`)
      await writeSettings(places.tapConfig, {
        ...simulator.config,
        token_file: places.token,
      })
      const rowsRead = (): number =>
        Object.values(simulator.stats().rows).reduce((sum, rows) => sum + rows, 0)
      const { keep } = options
      return await load({ places, database, diary, tapFlags: '', rowsRead, env, life, keep })
    } finally {
      await simulator.close()
    }
  } finally {
    await database.stop()
  }
}

/** A real company: its secrets stay in the environment. */
async function showQuickbooks(options: Options, env: Environment, life: Life): Promise<number> {
  const places = placesOf(options.base, 'npm_start')
  const database = await openDatabase(places, 'npm_start', env)
  try {
    if (options.fresh) await beginAnew(places, 'npm_start', database)
    else if (!(await hasTables(database))) refuseLostTables(places, database)
    const kept = existsSync(places.state) ? readDiary(places.diary) : undefined
    const diary = kept ?? beginDiary({ invoices: 0, customers: 0, items: 0 })
    print(`QuickBooks  company ${env.TAP_QUICKBOOKS_REALM_ID}, with the credentials you gave`)
    await writeSettings(places.tapConfig, { start_date: '2000-01-01' })
    const tapFlags = ' --config ENV'
    return await load({ places, database, diary, tapFlags, env, life, keep: options.keep })
  } finally {
    await database.stop()
  }
}

type Load = {
  rowsRead?: () => number
  places: Places
  database: Database
  diary: Diary
  tapFlags: string
  env: Environment
  life: Life
  keep: boolean
}

/** Runs the pipeline and shows what it did. */
async function load(job: Load): Promise<number> {
  const { places, database, diary, env, life } = job
  print(`Postgres    ${database.title}, schema ${database.schema}`)
  await writeSettings(places.targetConfig, {
    connection_string: database.connectionString,
    default_target_schema: database.schema,
    table_prefix: 'qb_',
  })
  const state = shown(places.state)
  const isResumed = existsSync(places.state)
  print(
    isResumed ? `Pipeline    goes on from ${state}` : 'Pipeline    first run: everything is read',
    '',
  )
  const result = await runPipeline(places, job.tapFlags, env, life, job.rowsRead)
  life.signal.throwIfAborted()
  const log = shown(places.log)
  if (result.code !== 0) {
    throw new SingerError(result.code, `the pipeline ended with exit code ${result.code}`, {
      hint: `Every line that it said is in ${log}. npm start goes on from the state.`,
    })
  }
  const before = diary.runs[0]
  const { rows, calls } = result
  diary.runs.push({ at: new Date().toISOString(), rows, calls })
  await writeDiary(places.diary, diary)
  if (isResumed && before !== undefined) {
    const wasLittle = rows * 10 < before.rows ? ' and had little to do' : ''
    print(
      '',
      `It went on where the last run ended${wasLittle}: ${formatCount(rows)} rows with ` +
        `${formatCount(calls)} calls.`,
      `The first run read ${formatCount(before.rows)} rows with ${formatCount(before.calls)} calls.`,
    )
  }
  await printTables(database)
  const hasPage = await makePage(places, env, `cd ${quoteWord(REPOSITORY)}\n${goOn(places.base)}`)
  print('', `The state is in ${state}: the next npm start goes on from there.`)
  print(`Every line that the programs said is in ${log}.`)
  if (hasPage) print(`A page about all that, for a browser: ${shown(places.report)}`)
  await lookInside(job)
  return EXIT.done
}

async function lookInside({ places, database, life, keep }: Load): Promise<void> {
  if (!keep) {
    const elsewhere = places.base === REPOSITORY ? '' : ` --directory ${shown(places.base)}`
    print(
      database.isEmbedded
        ? `To look inside: npm start -- --keep${elsewhere}, then ${database.psql}`
        : `To look inside: ${database.psql}`,
    )
    return
  }
  print(
    '',
    'Postgres stays up until Ctrl-C. To look inside:',
    `  ${database.psql}`,
    'The pipeline by hand:',
    `  npx singer-run --tap "tap-quickbooks --config ${shown(places.tapConfig)}" \\`,
    `    --target "target-postgres-raw --config ${shown(places.targetConfig)}" \\`,
    `    --state ${shown(places.state)}`,
  )
  await new Promise<void>((resolve) => {
    // A pending promise alone keeps no process alive.
    const timer = setInterval(() => {}, 60_000)
    life.signal.addEventListener('abort', () => {
      clearInterval(timer)
      resolve()
    })
    if (life.signal.aborted) resolve()
  })
}

/** The command of the next start, as it is given in the repository. */
function goOn(base: string): string {
  return base === REPOSITORY ? 'npm start' : `npm start -- --directory ${quoteWord(base)}`
}

/** A path as seen from where npm was called. */
function shown(path: string): string {
  return relative(process.env.INIT_CWD ?? '.', path) || '.'
}

function describeCompany({ sizes, from, to }: Diary): string {
  const { invoices, customers, items } = sizes
  return (
    `a simulated company (no credentials in the environment or .env): ${formatCount(invoices)} ` +
    `invoices,\n            ${formatCount(customers)} customers, ${formatCount(items)} items from ` +
    `${from.slice(0, 10)} to ${to.slice(0, 10)}`
  )
}

function isSameSize(kept: Sizes, asked: Partial<Sizes>): boolean {
  return Object.entries(asked).every(([name, size]) => kept[name as keyof Sizes] === size)
}

/** The options; undefined after --help; an exit code after a mistake. */
function readOptions(argv: string[]): Options | number | undefined {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        fresh: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        invoices: { type: 'string' },
        customers: { type: 'string' },
        items: { type: 'string' },
        directory: { type: 'string' },
      },
    })
    if (values.help) {
      print(HELP)
      return undefined
    }
    const sizes: Partial<Sizes> = {}
    for (const name of ['invoices', 'customers', 'items'] as const) {
      const given = values[name]
      if (given === undefined) continue
      if (!/^\d{1,7}$/.test(given)) throw new TypeError(`--${name} takes a number, not '${given}'`)
      sizes[name] = Number(given)
    }
    const { fresh, keep, directory } = values
    // npm runs this in dev/, but a path is meant from where npm was called.
    const base = resolve(process.env.INIT_CWD ?? '.', directory ?? REPOSITORY)
    return { fresh, keep, base, sizes }
  } catch (fault) {
    process.stderr.write(`${HELP}\n\n${(fault as Error).message}\n`)
    return EXIT.usage
  }
}
