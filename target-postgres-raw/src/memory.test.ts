import { once } from 'node:events'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { ask } from '../../dev/postgres.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { start } from '../fixtures/program.ts'
import { record, schema, state } from '../fixtures/trial.ts'

const MAX_MEGABYTES = 150
const folder = mkdtempSync(join(tmpdir(), 'memory-'))
const probe = join(folder, 'probe.mjs')
// Not maxRSS, in which Linux counts what this process had when it started the other.
writeFileSync(
  probe,
  `import { readFileSync, writeFileSync } from 'node:fs'
  process.on('exit', () => {
    const [, peak] = /VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))
    writeFileSync(process.env.PEAK_FILE, peak)
  })`,
)

type Ended = { code: number | null; log: string; megabytes: number; database: string }

/** Runs the program on these messages; gives also the most memory that it ever had. */
async function run(messages: Iterable<object>, settings: object = {}): Promise<Ended> {
  const database = await testDatabase()
  const peak = join(folder, 'peak')
  const target = start(
    [],
    { connection_string: database, ...settings },
    { NODE_OPTIONS: `--import=${pathToFileURL(probe)}`, PEAK_FILE: peak },
  )
  const { stdin } = target.process
  for (const message of messages)
    if (!stdin.write(`${JSON.stringify(message)}\n`) && target.process.exitCode === null)
      await Promise.race([once(stdin, 'drain').catch(() => {}), target.ended])
  stdin.end()
  const { code, log } = await target.ended
  const megabytes = Number(readFileSync(peak, 'utf8')) / 1024
  return { code, log, megabytes, database }
}

/** Text that is not the same anywhere, with what must be escaped. */
function text(characters: number, seed: number): string {
  let made = ''
  while (made.length < characters) made += `Note ${seed}, word ${made.length}: "as agreed\\"; `
  return made.slice(0, characters)
}

const lines = (count: number, seed: number) =>
  Array.from({ length: count }, (_, n) => ({
    Id: `${n}`,
    Amount: seed + n / 100,
    DetailType: 'SalesItemLineDetail',
    SalesItemLineDetail: { ItemRef: { value: `${n}`, name: 'Hours' }, Qty: 1, UnitPrice: 1.1 },
  }))

function* stream(
  rows: number,
  make: (n: number) => object,
  more: object = { time_extracted: '2024-01-01T00:00:00Z', version: 1_700_000_000_000 },
): Generator<object> {
  yield schema('s')
  for (let n = 0; n < rows; n++) {
    const origin = { _sdc_page_number: n % 9, _sdc_request_payload: { query: `page ${n % 99}` } }
    yield record('s', { Id: `${n}`, ...make(n), ...origin }, more)
    if (n % 1000 === 999) yield state({ n })
  }
  yield state({ rows })
}

const MB = 1024 * 1024
const INPUTS: [string, number, (n: number) => object][] = [
  ['200,000 small rows', 200_000, (n) => ({ Name: `customer ${n}`, Balance: n / 100 })],
  ['10,000 rows of 20 kB', 10_000, (n) => ({ Note: text(20_000, n) })],
  ['4,000 rows of 20 kB in many members', 4_000, (n) => ({ Line: lines(130, n) })],
  ['80 rows of 1 MB', 80, (n) => ({ Note: text(MB, n) })],
  ['60 rows of 1 MB that are not ASCII', 60, (n) => ({ Note: `日本${text(MB, n)}` })],
  ['20 rows of 1 MB in many members', 20, (n) => ({ Line: lines(7000, n) })],
  ['8 rows just under max_line_bytes', 8, (n) => ({ Note: text(7.3 * MB, n) })],
  ['a row of 4 million numbers', 1, () => ({ n: Array(4_000_000).fill(1) })],
  ['a row of a million control characters', 1, () => ({ text: '\u0001'.repeat(1_300_000) })],
]

test.skipIf(process.platform !== 'linux').each(INPUTS)(
  `less than ${MAX_MEGABYTES} MB for %s`,
  { timeout: 240_000 },
  async (_, rows, make) => {
    const { code, megabytes, log, database } = await run(stream(rows, make))
    expect([code, log]).toEqual([0, expect.stringContaining(`inserted ${rows}, `)])
    expect(megabytes).toBeGreaterThan(40)
    expect(megabytes).toBeLessThan(MAX_MEGABYTES)
    expect(await ask(database, 'select count(*)::int as n from raw.s')).toEqual([{ n: rows }])
  },
)

test.skipIf(process.platform !== 'linux')(
  'a line of 50 MB is refused with its stream, number and size before it is in memory',
  async () => {
    const messages = [schema('s'), state({ n: 1 }), record('s', { Id: 1, x: text(50 * MB, 1) })]
    const { code, megabytes, log } = await run(messages)
    expect([code, log.trimEnd().split('\n').at(-1)]).toEqual([
      6,
      "CRITICAL line 3: the line of stream 's' is longer than 8388608 bytes, the most that one line may hold",
    ])
    expect(megabytes).toBeLessThan(MAX_MEGABYTES)
  },
)

test.skipIf(process.platform !== 'linux')(
  `less than ${MAX_MEGABYTES} MB for a thousand streams, and for 40,000 states of 2 kB`,
  { timeout: 240_000 },
  async () => {
    const names = Array.from({ length: 1000 }, (_, n) => `stream ${n}`)
    const streams = await run(names.flatMap((name) => [schema(name), record(name, { Id: 1 })]))
    expect(streams.code).toBe(0)
    expect(streams.megabytes).toBeLessThan(MAX_MEGABYTES)
    function* states(): Generator<object> {
      yield schema('s')
      for (let n = 0; n < 40_000; n++) {
        yield record('s', { Id: n })
        yield state({ n, bookmark: text(2000, n) })
      }
    }
    const { code, megabytes } = await run(states())
    expect(code).toBe(0)
    expect(megabytes).toBeLessThan(MAX_MEGABYTES)
  },
)
