import { beforeAll, beforeEach, expect, test } from 'vitest'
import { ask } from '../../dev/postgres.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { BOOKMARK, begin, check, row, rows, summary, T } from '../fixtures/checking.ts'
import { load, schema, state } from '../fixtures/trial.ts'

let database: string

beforeAll(async () => {
  database = await testDatabase()
})

const RECORDS = [1, 2, 3].map((day) => row(String(day), day, { TotalAmt: day }))
const LISTED = [1, 2, 3].map((day) => [String(day), T(day), `${day}.00`] as const)
const WHOLE = [begin(), rows(...LISTED), summary(3)]

/** Loads three rows anew, with that state. */
async function reload(bookmark: object = {}, settings = {}, records: object[] = RECORDS) {
  await ask(database, 'drop schema if exists raw cascade')
  const last = state({ realm_id: '7', bookmarks: { s: { ...BOOKMARK, ...bookmark } } })
  expect((await load(database, [schema('s'), ...records, last], { settings })).code).toBe(0)
}

beforeEach(() => reload())

const alter = (set: string, id = '2') => ask(database, `update raw.s set ${set} where id = '${id}'`)

const changedAt = (at: string) =>
  `payload = jsonb_set(payload, '{MetaData,LastUpdatedTime}', '"${at}"')`

test('a total that is gone or is none makes a row stale', async () => {
  for (const [set, garbled] of [
    ["payload = payload - 'TotalAmt'", true],
    [`payload = jsonb_set(payload, '{TotalAmt}', '"abc"')`, true],
    [`payload = jsonb_set(payload, '{TotalAmt}', '"1e200000"')`, true],
    [`payload = jsonb_set(payload, '{TotalAmt}', '2.01')`, false],
  ] as const) {
    await alter(set)
    const { code, log, windows } = await check(database, WHOLE)
    expect([set, code, windows[0]?.stale_ids]).toEqual([set, 9, ['2']])
    expect([set, /Id 2 has no time of change or no total/.test(log)]).toEqual([set, garbled])
  }
})

test('a time of change that QuickBooks did not give, or that is none, makes a row stale', async () => {
  for (const at of [
    T(5),
    T(21),
    '2099-01-01T00:00:00Z',
    '2023-02-01T00:00:00Z',
    '2024-02-30T00:00:00Z',
  ]) {
    await alter(changedAt(at))
    const { code, windows } = await check(database, WHOLE)
    expect([at, code, windows.length, windows[0]?.stale_ids]).toEqual([at, 9, 1, ['2']])
  }
})

test('a row that QuickBooks does not list is extra, whatever time it has; before start_date nobody knows', async () => {
  const two = [begin(), rows(...LISTED.slice(0, 2)), summary(2, { end: T(15) })]
  for (const at of [T(3), T(18), T(26), '2099-01-01T00:00:00Z']) {
    await alter(changedAt(at), '3')
    const { code, windows } = await check(database, two)
    const extra = windows.flatMap(({ extra_ids = [] }) => extra_ids)
    expect([at, code, extra]).toEqual([at, 9, ['3']])
  }
  await alter(changedAt('2023-06-01T00:00:00Z'), '3')
  const before = await check(database, two)
  expect(before).toMatchObject({ code: 0, windows: [{ table_rows: 2, extra: 0 }] })
  expect(before.log).toMatch(/no difference, 1 not compared, for they changed before start_date\n/)
})

test('a mark of deletion in the future hides no row, and the SQL that takes it back is printed', async () => {
  await alter("deleted_at_utc = 'infinity'")
  const { code, log, windows } = await check(database, WHOLE)
  expect([code, windows[0]?.missing_ids]).toEqual([9, ['2']])
  const [sql = ''] = /update "raw"\."s" set deleted_at_utc = null .*$/m.exec(log) ?? []
  await ask(database, sql)
  expect((await check(database, WHOLE)).code).toBe(0)
})

test('after a load that came later than the count, rows that may have moved again are not called lost', async () => {
  // Counted on the 25th; 2 and 9 were edited on the 22nd, and after the end of the load of the 26th.
  const listed = [LISTED[0], ['2', T(22), '2'], LISTED[2], ['9', T(22), '9']] as const
  const count = [begin(), rows(...(listed as readonly (typeof LISTED)[number][])), summary(4)]
  await reload({ replication_key_value: T(26), deletions_known_to: T(26) })
  const late = await check(database, count)
  expect(late).toMatchObject({ code: 0, windows: [{ pending: 0 }, { pending: 2 }] })
  expect(late.log).toMatch(
    /WARNING s: of the pending rows 2 cannot be judged, for a load ran after the count; count again\n/,
  )
  const counts = [
    begin({ kind: 'windows' }),
    { stream: 's', extract_window_start_utc: T(1), extract_window_end_utc: T(11), rows: 4 },
    summary(4),
  ]
  const bare = await check(database, counts)
  expect([bare.code, bare.log]).toEqual([0, expect.stringMatching(/1 cannot be judged/)])
  // What a row holds of the very version that was counted can be judged.
  await alter("payload = payload - 'TotalAmt'", '1')
  expect(await check(database, count)).toMatchObject({
    code: 9,
    windows: [{ stale_ids: ['1'] }, {}],
  })
  // A state that goes no further than the count is of a load before it.
  await reload({ replication_key_value: T(25), deletions_known_to: T(25) })
  expect(await check(database, count)).toMatchObject({
    code: 9,
    windows: [{}, { missing_ids: ['9'], stale_ids: ['2'] }],
  })
})

test('a json that no jsonb can hold stops no comparison', async () => {
  const records = RECORDS.map((one, n) => ({
    ...one,
    record: { ...(one as { record: object }).record, Memo: n === 0 ? 'a\u0000b\\' : '\ud800' },
  }))
  await reload({}, { payload_type: 'json' }, records)
  expect(await check(database, WHOLE)).toMatchObject({
    code: 0,
    fault: '',
    windows: [{ stale: 0 }],
  })
  await alter(`payload = '{"MetaData":{"LastUpdatedTime":"${T(2)}"},"TotalAmt":1e200000}'`)
  expect(await check(database, WHOLE)).toMatchObject({ code: 9, windows: [{ stale_ids: ['2'] }] })
})
