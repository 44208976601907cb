import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { endRuns, folder, startCli, startRun } from '../fixtures/start.ts'

afterAll(endRuns)

const report = (...flags: string[]) => startCli(['report', ...flags])

test('report makes a page of the runs on record, and says where it is', async () => {
  const place = folder()
  const state = join(place, 's.json')
  expect(await startRun({ state }).ended).toBe(0)
  const killed = startRun({ tap: 'stall', state })
  await killed.saw(/tap: INFO stalls/)
  process.kill(killed.pid, 'SIGKILL')
  await killed.ended
  const out = join(place, 'page.html')
  const made = report('--state', state, '--out', out)
  expect(await made.ended, made.stderr()).toBe(0)
  expect(made.stderr()).toMatch(/^INFO .*the last run, less than a minute ago, was killed\.$/m)
  expect(made.stderr()).toContain(`INFO the page is ${out}`)
  expect(statSync(out).mode & 0o777).toBe(0o600)
  const page = readFileSync(out, 'utf8')
  expect(page).toContain('2 runs on record')
  expect(page).toMatch(/class="tag good">done<.*\n?.*/)
  expect(page).toMatch(/class="tag bad">killed<\/b>/)

  // The folder alone will do.
  const same = report('--runs', join(place, 'runs'), '--out', '-')
  expect(await same.ended, same.stderr()).toBe(0)
  expect(same.stdout()).toContain('2 runs on record')
})

test('a run that is under way is no killed one', async () => {
  const state = join(folder(), 's.json')
  const run = startRun({ tap: 'stall', state })
  await run.saw(/tap: INFO stalls/)
  const made = report('--state', state, '--out', '-')
  expect(await made.ended).toBe(0)
  expect(made.stderr()).toContain('a run is under way')
  process.kill(run.pid, 'SIGTERM')
  await run.ended
})

test('without any run there is a page too, and files that are no records are named', async () => {
  const place = mkdtempSync(join(tmpdir(), 'report-'))
  const state = join(place, 's.json')
  const made = report('--state', state, '--out', '-')
  expect(await made.ended).toBe(0)
  expect(made.stdout()).toContain('No run is on record yet.')
  mkdirSync(join(place, 'runs'))
  const broken = 's-20260101T000000Z-abcdef.json'
  writeFileSync(join(place, 'runs', broken), '{"record":')
  const again = report('--state', state, '--out', '-')
  expect(await again.ended).toBe(0)
  expect(again.stderr()).toContain(`WARNING ${broken} in the folder of records is not one`)
})

test('a record whose members are not what they should be is named and left out', async () => {
  const place = folder()
  const state = join(place, 's.json')
  expect(await startRun({ state }).ended).toBe(0)
  const runs = join(place, 'runs')
  const [name = ''] = readdirSync(runs)
  const good = JSON.parse(readFileSync(join(runs, name), 'utf8'))
  const odd = { seconds: null, folder: true, versions: { node: {} }, streams: [{ stream: 1 }] }
  const names = Object.entries(odd).map(([member, value], at) => {
    const other = name.replace(/-\w+\.json$/, `-00000${at}.json`)
    writeFileSync(join(runs, other), JSON.stringify({ ...good, [member]: value }))
    return other
  })
  const made = report('--state', state, '--out', '-')
  expect(await made.ended, made.stderr()).toBe(0)
  for (const other of names)
    expect(made.stderr()).toContain(`WARNING ${other} in the folder of records is not one`)
  expect(made.stdout()).toContain('1 run on record')

  const before = readFileSync(state, 'utf8')
  for (const [out, fault] of [
    [state, 'is the file of --state, which the page would replace'],
    [join(runs, name), 'lies among the records of runs'],
  ] as const) {
    const refused = report('--state', state, '--out', out)
    expect(await refused.ended).toBe(1)
    expect(refused.stderr()).toContain(`ERROR --out ${out}: ${fault}`)
  }
  expect(readFileSync(state, 'utf8')).toBe(before)
})

/** The last line of a verify that has found one difference. */
const CLOSING = {
  ...{ type: 'summary', kind: 'rows', as_of: '2026-02-01T00:00:00Z' },
  ...{ streams: ['invoices'], unknown: [], windows: 1, differing: 1 },
}

test('what a verify left that failed is refused, and makes no page', async () => {
  const place = mkdtempSync(join(tmpdir(), 'report-'))
  const file = join(place, 'verified.jsonl')
  writeFileSync(file, '')
  const flags = ['--verify', file, '--out', join(place, 'page.html')]
  const refused = report('--state', join(place, 's.json'), ...flags)
  expect(await refused.ended).toBe(1)
  expect(refused.stderr()).toMatch(
    /^ERROR --verify \S*verified\.jsonl: is empty, so verify failed/m,
  )
  expect(readdirSync(place)).toEqual(['verified.jsonl'])
})

test('counts and comparisons come from files or stdin; a line that is none is named', async () => {
  const place = mkdtempSync(join(tmpdir(), 'report-'))
  const at = (name: string): string => join(place, name)
  const window = {
    extract_window_start_utc: '2026-01-01T00:00:00Z',
    extract_window_end_utc: '2026-01-31T00:00:00Z',
  }
  const write = (name: string, ...lines: object[]): string => {
    writeFileSync(at(name), lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
    return at(name)
  }
  const none = { extract_window_start_utc: null, extract_window_end_utc: null }
  const counts = write(
    'counts.jsonl',
    { stream: 'invoices', ...window, rows: 7 },
    { stream: 'invoices', ...none, rows: 1234 },
  )
  const difference = { missing: 1, extra: 0, deleted: 0, stale: 0, pending: 0, is_equal: false }
  const verify = write(
    'verify.jsonl',
    {
      ...{ stream: 'invoices', ...window, source_rows: 8, table_rows: 7, ...difference },
      ...{ source_total: '1.10', table_total: null, missing_ids: ['4711'] },
    },
    CLOSING,
  )
  const inputs = ['--counts', counts, '--verify', verify]
  const made = report('--state', at('s.json'), ...inputs, '--out', '-')
  expect(await made.ended, made.stderr()).toBe(0)
  expect(made.stdout()).toContain(
    '1 window with rows compared with the source (2026-02-01 00:00 UTC)',
  )
  expect(made.stdout()).toContain('4711 (missing)')
  expect(made.stdout()).toContain('>1.10<')
  for (const [month, count] of [
    ['2026-01', '7'],
    ['no window', '1,234'],
    ['all', '1,241'],
  ])
    expect(made.stdout()).toContain(`${month}</th><td class="n">${count}</td>`)

  writeFileSync(at('bad.jsonl'), '\n{"stream":"x"}\n')
  const faults = report(
    ...['--state', at('s.json'), '--counts', at('bad.jsonl'), '--verify', at('none.jsonl')],
    ...['--quota', 'many', '--out', at('page.html')],
  )
  expect(await faults.ended).toBe(1)
  expect(faults.stderr()).toMatch(
    /^ERROR --counts \S*bad\.jsonl: line 2 has no extract_window_start_utc/m,
  )
  expect(faults.stderr()).toMatch(/^ERROR --verify \S*none\.jsonl: ENOENT/m)
  expect(faults.stderr()).toMatch(/^ERROR --quota: must be a number of calls, found many/m)
  expect(readdirSync(place)).not.toContain('page.html')
})

test('what is missing is said', async () => {
  const nothing = report()
  expect(await nothing.ended).toBe(1)
  expect(nothing.stderr()).toContain(
    'ERROR --state: is required, or --runs, the folder of the records',
  )
  const nowhere = report('--runs', join(folder(), 'none'))
  expect(await nowhere.ended).toBe(1)
  expect(nowhere.stderr()).toMatch(/^ERROR --runs \S+: cannot be read \(ENOENT/m)
  const place = folder()
  for (const name of ['a', 'b']) await startRun({ state: join(place, name) }).ended
  const two = report('--runs', join(place, 'runs'))
  expect(await two.ended).toBe(1)
  expect(two.stderr()).toMatch(
    /has the runs of 2 state files; say which with --state \(\S+\/a, \S+\/b\)/,
  )
})
