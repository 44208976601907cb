/** `npm run bench`: how fast tap and target are, each against a yardstick in the same run. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { type Company, openCompany } from './company.ts'
import { isMet, type Measured, printTables } from './finding.ts'
import { measureLatency } from './latency.ts'
import { measureLoad } from './load.ts'
import { measurePipe } from './pipe.ts'
import { openPlace } from './place.ts'
import { renderRows, writeSmallRows } from './rows.ts'
import { measureStart } from './start.ts'
import { measureTap, writeInvoices } from './tap.ts'

const NAMES = ['small', 'invoices', 'tap', 'latency', 'pipe', 'start'] as const
type Name = (typeof NAMES)[number]

const given = await yargs(hideBin(process.argv))
  .scriptName('npm run bench --')
  .usage(
    '$0 [options]\n\nMeasures the programs against plain COPY, Node and each other. Needs nothing but what npm ci\nhas installed. Takes eight minutes and 3 GB of disk; other work on the machine shows in the seconds.\n\nA million invoices through the pipe, in some seven minutes, with 8 GB of disk:\n$0 --only pipe --rows 1000000',
  )
  .option('only', { choices: NAMES, array: true, describe: 'Only these' })
  .option('rows', { type: 'number', describe: 'Rows [1000000 small ones, 100000 invoices]' })
  .option('rounds', { type: 'number', describe: 'How often each is measured [3; many rows: 1]' })
  .option('quick', { type: 'boolean', describe: 'A fifth of the rows' })
  .option('peer', {
    type: 'string',
    array: true,
    nargs: 1,
    default: [] as string[],
    describe:
      "NAME='command': another program beside ours. Where NAME begins with tap, a tap: TAP_CONFIG is the file with its settings; else a target: it reads the lines from stdin, and DATABASE_URL and PG* say where to",
  })
  .version(false)
  .strict()
  .wrap(100)
  .parseAsync()

/** From so many invoices on, once is enough. */
const MANY_ROWS = 500_000
/** What the target alone gets of them. */
const MOST_LINES = 200_000
const share = given.quick ? 5 : 1
const smallRows = given.rows ?? 1_000_000 / share
const invoiceRows = given.rows ?? 100_000 / share
const rounds = given.rounds ?? (invoiceRows < MANY_ROWS ? 3 : 1)
const isWanted = (...names: Name[]): boolean =>
  given.only === undefined || names.some((name) => given.only?.includes(name))
const peers = given.peer.map((text) => {
  const [, name, command] = /^([^=]+)=(.+)$/s.exec(text) ?? []
  if (name === undefined || command === undefined)
    throw new Error(`--peer ${text}: must be NAME='command'`)
  return { name, command }
})
const peersOf = (isTap: boolean): Record<string, string> =>
  Object.fromEntries(
    peers
      .filter(({ name }) => name.startsWith('tap') === isTap)
      .map(({ name, command }) => [name, command]),
  )

const measured = new Map<Name, Measured>()
async function measure(name: Name, task: () => Promise<Measured>): Promise<void> {
  if (!isWanted(name)) return
  console.error(`${name} …`)
  measured.set(name, await task())
}

await measure('start', () => measureStart(2 * rounds))
const place = await openPlace()
try {
  await measure('small', async () => {
    const input = await renderRows(place, await writeSmallRows(place, smallRows), 'small')
    const goals = { time: 1.25 }
    return measureLoad(place, input, '200-byte rows', goals, rounds, peersOf(false))
  })
  const answerAtOnce = async (company: Company): Promise<void> => {
    // The pipe alone needs no more of them than tell how fast the target is.
    const most = isWanted('tap', 'invoices') ? undefined : MOST_LINES
    const singer = await writeInvoices(place, company, most)
    await measure('tap', () => measureTap(company, singer, invoiceRows, rounds, peersOf(true)))
    await measure('invoices', async () => {
      const input = await renderRows(place, singer, 'invoices')
      const goals = { time: 1.15, cpu: 25 }
      return measureLoad(place, input, '2.5 kB invoices', goals, rounds, peersOf(false))
    })
    await measure('pipe', () => measurePipe(place, company, singer, invoiceRows, rounds))
  }
  if (isWanted('tap', 'invoices', 'pipe')) await withCompany(invoiceRows, 0, answerAtOnce)
  // Enough pages for the limit to be what is waited for.
  const pagesRows = Math.max(invoiceRows, 60_000)
  await measure('latency', () =>
    withCompany(pagesRows, 300, (company) =>
      measureLatency(company, pagesRows, Math.min(rounds, 3)),
    ),
  )
} finally {
  await place.close()
}

async function withCompany<T>(
  invoices: number,
  latencyMs: number,
  task: (company: Company) => Promise<T>,
): Promise<T> {
  const company = await openCompany(place, invoices, latencyMs)
  try {
    return await task(company)
  } finally {
    await company.close()
  }
}

const machine = `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? 'processor'}`
console.log(`${machine}; medians of ${rounds} rounds\n`)
console.log(printTables([...measured.values()]))
if (process.platform !== 'linux')
  console.log('\nProcessor time and memory are read from /proc, which only Linux has.')
const file = fileURLToPath(new URL('../../.local/bench.json', import.meta.url))
mkdirSync(fileURLToPath(new URL('../../.local', import.meta.url)), { recursive: true })
const result = {
  machine,
  at: new Date().toISOString(),
  rounds,
  findings: [...measured].flatMap(([measurement, { findings }]) =>
    findings.map((finding) => ({ measurement, ...finding, isMet: isMet(finding) })),
  ),
  programs: [...measured].flatMap(([measurement, { programs }]) =>
    programs.map((program) => ({ measurement, ...program })),
  ),
}
writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`)
console.error(`\nAll of it as JSON: ${file}`)
