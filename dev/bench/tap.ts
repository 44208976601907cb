import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Company } from './company.ts'
import type { Measured } from './finding.ts'
import { type Place, TAP } from './place.ts'
import { alternate, medianOf, peakOf, ratioOf } from './rounds.ts'
import { type Used, use } from './used.ts'

const PARSE = fileURLToPath(new URL('parse.mjs', import.meta.url))

/**
 * Writes what the tap prints about the company, the first `most` lines of it; gives the file. The
 * company is asked for all, and has thought of each answer then.
 */
export async function writeInvoices(
  place: Place,
  company: Company,
  most?: number,
): Promise<string> {
  const path = join(place.folder, 'invoices.singer')
  const tap = `${TAP} -c ${company.tapConfig({ requests_per_minute: 500 })}`
  const kept =
    most === undefined ? `> ${path}` : `| { head -n ${most} > ${path}; cat > /dev/null; }`
  await use({ command: `${tap} ${kept}` })
  return path
}

/** The tap alone, against a program that parses each of its lines once. */
export async function measureTap(
  company: Company,
  singer: string,
  rows: number,
  rounds: number,
  peers: Readonly<Record<string, string>> = {},
): Promise<Measured> {
  async function ours(): Promise<Used> {
    const used = await use({ command: [TAP, '-c', company.tapConfig()], countsLines: true })
    if (used.lines < rows) throw new Error(`the tap printed ${used.lines} lines for ${rows} rows`)
    return used
  }
  const others = Object.entries(peers).map(([name, command]): [string, () => Promise<Used>] => [
    name,
    () => use({ command, env: { TAP_CONFIG: company.tapConfig() }, countsLines: true }),
  ])
  const parse = (): Promise<Used> => use({ command: ['node', PARSE, singer] })
  const test = (): Promise<Used> => use({ command: [TAP, '-c', company.tapConfig(), '--test'] })
  const all = { ours, parse, test, ...Object.fromEntries(others) }
  const used = await alternate<string>(rounds, all)
  const { ours: tap = [], parse: parser = [] } = used
  const microseconds = (1e6 * medianOf(tap, 'cpuSeconds')) / rows
  return {
    findings: [
      {
        what: 'tap: CPU a row',
        value: microseconds,
        unit: 'µs',
        goal: { most: 40 },
      },
      {
        what: 'tap: rows a second of its CPU',
        value: 1e6 / microseconds,
        unit: 'rows',
        goal: { least: 25_000 },
      },
      {
        what: 'tap: its CPU / parsing its lines once in Node',
        value: ratioOf(tap, parser, 'cpuSeconds'),
        unit: '×',
        goal: undefined,
      },
      { what: 'tap: peak memory', value: peakOf(tap), unit: 'MB', goal: { most: 150 } },
    ],
    programs: [
      { name: 'tap: tap-quickbooks', rows, used: tap },
      { name: 'tap: parsing its lines', rows, used: parser },
      { name: 'tap: --test, its start and one call', used: used.test ?? [] },
      ...others.map(([name]) => ({ name: `tap: ${name}`, rows, used: used[name] ?? [] })),
    ],
  }
}
