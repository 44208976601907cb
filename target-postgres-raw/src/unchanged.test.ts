import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import { ask } from '../../dev/postgres.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { load, record, rowsOf, schema, state } from '../fixtures/trial.ts'

let database: string

beforeEach(async () => {
  database = await testDatabase()
})

const day = (number: number) => `2024-01-0${number}T00:00:00Z`

/** Where each row lies and who touched or locked it, and what Postgres counts of the table. */
async function traces(): Promise<unknown> {
  const places = await rowsOf(database, 'raw.s', 'id, ctid::text, xmin::text, xmax::text')
  return { places, counted: await counts() }
}

function counts(): Promise<unknown[]> {
  return ask(
    database,
    `select n_tup_ins, n_tup_upd, n_tup_del, n_dead_tup, pg_relation_size(relid) as bytes
       from pg_stat_user_tables where relname = 's'`,
  )
}

test.each(['jsonb', 'json'])(
  'loading the same again leaves every row untouched and unlocked, and no dead one (%s)',
  async (payload_type) => {
    const input = [
      schema('s'),
      ...Array.from({ length: 300 }, (_, n) => record('s', { Id: n, x: 'y'.repeat(n * 20) })),
      '{"type":"RECORD","stream":"s","record":{"Id":"decimal","n":1.10}}',
      String.raw`{"type":"RECORD","stream":"s","record":{"Id":"nul","n":"\u0000"}}`,
      record('s', { Id: 'versioned' }, { version: 3 }),
      record('s', { Id: 'timed' }, { time_extracted: day(2) }),
      record('s', { Id: 'gone', _sdc_deleted_at: day(3) }, { time_extracted: day(3) }),
      state({ n: 1 }),
    ]
    const settings = { payload_type, batch_size_rows: 100 }
    await load(database, input, { settings })
    // Before version 15 Postgres counts a little later.
    await expect.poll(counts).toMatchObject([{ n_tup_ins: '305' }])
    const before = await traces()
    for (let again = 0; again < 2; again++) {
      const { log } = await load(database, input, { settings })
      expect(log).toContain('inserted 0, updated 0, unchanged 305, older 0, deleted 0')
    }
    const older = record('s', { Id: 'timed', v: 'older' }, { time_extracted: day(1) })
    const { log } = await load(database, [schema('s'), older], { settings })
    expect(log).toContain('updated 0, unchanged 0, older 1,')
    expect(await traces()).toEqual(before)
  },
)

test('the end report and _singer_loads agree, a row a commit and stream', async () => {
  const rows = (stream: string, from: number, to: number) =>
    Array.from({ length: to - from }, (_, n) => record(stream, { Id: from + n, v: to }))
  await load(database, [schema('s'), schema('t'), ...rows('s', 0, 20), ...rows('t', 0, 10)])
  await ask(database, 'delete from raw._singer_loads')
  const { log } = await load(
    database,
    [
      schema('s'),
      schema('t'),
      ...rows('s', 0, 20),
      ...rows('s', 15, 35),
      state({ n: 1 }),
      ...rows('t', 0, 5),
      record('t', { Id: 7, _sdc_deleted_at: day(1) }),
      state({ n: 2 }),
    ],
    { settings: { batch_size_rows: 10 } },
  )
  const sums = await ask(
    database,
    `select stream, count(*)::int as commits, sum(inserted)::int as inserted, sum(updated)::int as updated,
            sum(unchanged)::int as unchanged, sum(older)::int as older, sum(deleted)::int as deleted,
            max(value) as value, bool_and(started_at_utc <= committed_at_utc) as timed
       from raw._singer_loads group by stream order by stream`,
  )
  expect(sums).toEqual([
    {
      stream: 's',
      commits: 4,
      inserted: 15,
      updated: 5,
      unchanged: 20,
      older: 0,
      deleted: 0,
      value: null,
      timed: true,
    },
    {
      stream: 't',
      commits: 1,
      inserted: 0,
      updated: 5,
      unchanged: 0,
      older: 0,
      deleted: 1,
      value: '{"n":2}',
      timed: true,
    },
  ])
  for (const { stream, inserted, updated, unchanged, older, deleted } of sums)
    expect(log).toContain(
      `stream '${stream}' (${stream}): inserted ${inserted}, updated ${updated}, unchanged ${unchanged}, older ${older}, deleted ${deleted}\n`,
    )
})

/** Versions of five rows, each with a time and a payload of its own, in any order. */
const versions = fc.integer({ min: 2, max: 40 }).chain((count) =>
  fc.record({
    order: fc.shuffledSubarray([...Array(count).keys()], { minLength: count }),
    batch: fc.integer({ min: 1, max: count + 1 }),
    /** After so many versions a second run begins. */
    seam: fc.integer({ min: 0, max: count }),
  }),
)

test('An older version of a row never replaces a newer one, in any order, batch and run', async () => {
  await fc.assert(
    fc.asyncProperty(versions, async ({ order, batch, seam }) => {
      await ask(database, 'drop schema if exists raw cascade')
      const sent = order.map((n) => {
        const time = new Date(Date.UTC(2024, 0, 1) + n * 1000).toISOString()
        return record('s', { Id: n % 5, n }, { time_extracted: time })
      })
      let logs = ''
      for (const part of [sent.slice(0, seam), sent.slice(seam)]) {
        const settings = { batch_size_rows: batch }
        const { code, log } = await load(database, [schema('s'), ...part], { settings })
        expect(code).toBe(0)
        logs += log
      }
      const stored = await rowsOf(database, 'raw.s', "id, (payload->>'n')::int as n")
      const newest = [0, 1, 2, 3, 4].map((id) => Math.max(-1, ...order.filter((n) => n % 5 === id)))
      expect(stored).toEqual(newest.flatMap((n, id) => (n === -1 ? [] : [{ id: String(id), n }])))
      const counted = [...logs.matchAll(/(?:inserted|updated|older) (\d+)/g)]
      expect(counted.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(order.length)
    }),
    { numRuns: 40 },
  )
})
