import { beforeAll, expect, test } from 'vitest'
import { ask } from '../../dev/postgres.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import {
  BOOKMARK,
  begin,
  check as checkIn,
  type Line,
  row,
  rows,
  summary,
  T,
} from '../fixtures/checking.ts'
import { load, schema, state } from '../fixtures/trial.ts'

let database: string

beforeAll(async () => {
  database = await testDatabase()
  await load(database, [
    schema('s'),
    '{"type":"RECORD","stream":"s","time_extracted":"2024-01-20T00:00:00Z","record":{"Id":"1",' +
      '"MetaData":{"LastUpdatedTime":"2023-12-31T16:00:00-08:00"},"TotalAmt":12345678901234567890.10}}',
    row('2', 2, { TotalAmt: 1.5 }),
    row('3', 12, { TotalAmt: 2 }),
    state({ realm_id: '7', bookmarks: { s: BOOKMARK } }),
  ])
})

const check = (lines: readonly Line[], settings?: Record<string, string>) =>
  checkIn(database, lines, settings)

const ONE = ['1', T(1), '12345678901234567890.10'] as const
const TWO = ['2', T(2), '1.50'] as const
const THREE = ['3', T(12), '2'] as const

test('a line for each window, with exactly these members and totals to the last digit', async () => {
  const { code, windows } = await check([begin(), rows(ONE, TWO), rows(THREE), summary(3)])
  expect(code).toBe(0)
  expect(windows.map((window) => Object.keys(window).join())).toEqual(
    Array(2).fill(
      'stream,extract_window_start_utc,extract_window_end_utc,source_rows,table_rows,missing,extra,' +
        'deleted,stale,pending,source_total,table_total,is_equal',
    ),
  )
  expect(windows[0]).toMatchObject({
    extract_window_start_utc: T(1),
    extract_window_end_utc: T(11),
    source_rows: 2,
    source_total: '12345678901234567891.60',
    is_equal: true,
  })
  expect(Number(windows[0].table_total)).toBe(Number(windows[0].source_total))
  expect(windows[0].table_total).toMatch(/^12345678901234567891\.60?$/)
})

test('a closing line counts those before it, and says what they prove; a count that is refused has none', async () => {
  const closing = {
    ...{ type: 'summary', kind: 'rows', as_of: T(25), streams: ['s'], unknown: [] },
    ...{ windows: 2, differing: 0 },
  }
  const listed = rows(ONE, TWO, THREE)
  expect((await check([begin(), listed, summary(3)])).closing).toEqual([closing])
  const differs = await check([begin(), rows(ONE, TWO), summary(2)])
  expect(differs.closing).toEqual([{ ...closing, differing: 1 }])
  expect((await check([begin(), listed])).closing).toEqual([])
})

test('a digit at the end of an amount makes a row stale, and the command to load it is quoted', async () => {
  const wrong = ['1', T(1), '12345678901234567890.11'] as const
  const { code, log, windows } = await check([begin(), rows(wrong, TWO, THREE), summary(3)])
  expect(code).toBe(9)
  expect(windows[0]).toMatchObject({ stale: 1, stale_ids: ['1'], is_equal: false })
  const tap = `'tap-quickbooks --config '\\''a b.json'\\'' --config ENV'`
  expect(log).toContain(
    `TAP_QUICKBOOKS_START_DATE=${T(1)} TAP_QUICKBOOKS_END_DATE=${T(11)} ` +
      `TARGET_POSTGRES_RAW_STATE_ID=window singer-run --tap ${tap} --target `,
  )
  expect(log).toMatch(/--state state\/window-20240101T000000Z-checked-20240125T000000Z\.json\n/)
})

test('who is missing or gone, and what is pending, by the claims of the state', async () => {
  const later = ['9', T(21), null] as const
  const lost = ['5', T(3), '1'] as const
  const { code, windows } = await check([
    begin(),
    rows(ONE, lost, later),
    { stream: 's', deleted: [['3', T(21)]] },
    summary(3),
  ])
  expect(code).toBe(9)
  expect(windows).toMatchObject([
    { missing: 1, missing_ids: ['5'], extra: 1, extra_ids: ['2'], pending: 0, source_rows: 2 },
    { missing: 0, extra: 0, pending: 1, is_equal: true, table_rows: 1, source_rows: 0 },
    { pending: 1, is_equal: true, table_rows: 0, source_rows: 1 },
  ])
  // What the state knows of deletions must be marked.
  const known = await check([
    begin(),
    rows(ONE, TWO),
    { stream: 's', deleted: [['3', T(15)]] },
    summary(2),
  ])
  expect(known.windows[1]).toMatchObject({ extra: 1, extra_ids: ['3'] })
})

test('what the state does not know, or begins after, is said, and not called complete', async () => {
  const whole = [rows(ONE, TWO, THREE), summary(3)]
  const early = await check([begin({ start: '2023-12-01T00:00:00Z' }), ...whole])
  expect(early.code).toBe(0)
  expect(early.log).toMatch(
    /WARNING s: the state began at 2024-01-01T00:00:00Z; what changed before/,
  )
  await load(database, [state({ bookmarks: {} })], { settings: { state_id: 'blank' } })
  const { code, log, windows, closing } = await check([begin(), ...whole], { state_id: 'blank' })
  expect([code, windows[0].is_equal, closing[0].unknown]).toEqual([9, true, ['s']])
  expect(log).toMatch(/WARNING s: the STATE that is kept under state_id 'blank' does not know it/)
  expect(log.trimEnd()).toMatch(
    /\nWARNING verify cannot tell whether all is loaded of s; see above$/,
  )
})

test('only a whole count of this company is compared', async () => {
  const whole = [begin(), rows(ONE, TWO, THREE), summary(3)]
  expect((await check(whole)).code).toBe(0)
  for (const [lines, says] of [
    [[], /nothing came in/],
    [['\n\n'], /nothing came in/],
    [whole.slice(0, 2), /the count of 's' broke off: its closing line is missing/],
    [[begin()], /the count of 's' broke off/],
    [[...whole.slice(0, 2), '{"type":"summ'], /line 3: is not whole JSON/],
    [[begin(), rows(ONE), summary(3)], /of 's' 1 rows came, where its closing line says 3/],
    [[schema('s')], /line 1: is a Singer message \(SCHEMA\)/],
    [
      [{ stream: 's', extract_window_start_utc: T(1), extract_window_end_utc: T(2), rows: 1 }],
      /line 1: is a count without its first and closing lines/,
    ],
    [[...whole, begin()], /a second count begins/],
    [[...whole, rows(ONE)], /belongs to a stream that was not begun, or has ended/],
    [[begin(), rows(['1', 'noon', null])], /line 2: "noon" is not a time/],
    [[begin(), rows(['1', T(1), '1,5'])], /TotalAmt "1,5" is not a decimal text/],
    [[begin({ streams: [] })], /names no stream/],
    [[42], /line 1: is no line of a count/],
    [[begin({ realm_id: '8' }), ...whole.slice(1)], /is of company 8; .* is of company 7/],
  ] as [Line[], RegExp][]) {
    const { code, fault, windows } = await check(lines)
    expect([says.source, code, windows]).toEqual([says.source, 6, []])
    expect(fault).toMatch(says)
  }
  const elsewhere = await check(whole, { state_id: 'other' })
  expect([elsewhere.code, elsewhere.fault]).toEqual([
    1,
    expect.stringContaining(
      "no STATE is kept under the state_id 'other', only under 'blank', 'default'",
    ),
  ])
})

test('counts alone prove a loss, but not its absence', async () => {
  const counted = (one: number, two: number, more: object = {}) => [
    begin({ kind: 'windows' }),
    { stream: 's', extract_window_start_utc: T(1), extract_window_end_utc: T(11), rows: one },
    { stream: 's', extract_window_start_utc: T(11), extract_window_end_utc: T(20), rows: two },
    summary(one + two, { end: T(20), ...more }),
  ]
  expect(await check(counted(2, 1))).toMatchObject({ code: 0, windows: [{ pending: 0 }, {}] })
  const fewer = await check(counted(1, 1))
  expect(fewer).toMatchObject({ code: 0, windows: [{ pending: 1, is_equal: true }, {}] })
  const lost = await check(counted(4, 1))
  expect(lost).toMatchObject({ code: 9, windows: [{ missing: 2, is_equal: false }, {}] })
  expect(lost.log).toMatch(/to load 2024-01-01T00:00:00Z to 2024-01-11T00:00:00Z again: /)
  // Rows that moved while they were counted may be in two windows.
  expect(await check(counted(4, 1, { moved: 2 }))).toMatchObject({ code: 0 })
})

test('rights to read and to make temporary tables are enough; without the latter it says what to grant', async () => {
  const role = `verifier_${Math.random().toString(36).slice(2)}`
  const url = new URL(database)
  const name = url.pathname.slice(1)
  await ask(database, `create role ${role} login password 'verifier-password'`)
  await ask(database, `grant usage on schema raw to ${role}`)
  await ask(database, `grant select on all tables in schema raw to ${role}`)
  url.username = role
  url.password = 'verifier-password'
  const whole = [begin(), rows(ONE, TWO, THREE), summary(3)]
  expect((await check(whole, { connection_string: url.href })).code).toBe(0)
  await ask(database, `revoke temporary on database ${name} from public`)
  const refused = await check(whole, { connection_string: url.href })
  expect(refused.code).toBe(5)
  expect(refused.fault).toMatch(/permission denied to create temporary tables/)
  await ask(database, `drop owned by ${role}`)
  await ask(database, `drop role ${role}`)
})
