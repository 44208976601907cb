import { expect, test } from 'vitest'
import { ask } from '../../dev/postgres.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { startPooler } from '../fixtures/pooler.ts'
import { start } from '../fixtures/program.ts'
import { load, record, rowsOf, schema, state } from '../fixtures/trial.ts'

test('behind a pooler, where each transaction has another session, all is as without', async () => {
  const database = await testDatabase()
  // With a column of the old kind, whose times are those of the session's time zone.
  await ask(
    database,
    `create schema raw;
     create table raw.s (id text primary key, payload jsonb, extract_window_start_utc timestamp);
     do $$ begin execute format('alter database %I set timezone to ''Asia/Tokyo''', current_database()); end $$`,
  )
  const pooler = await startPooler(database)
  const rows = Array.from({ length: 40 }, (_, n) =>
    record('s', { Id: n % 15, n, _sdc_extract_window_start_utc: '2024-01-01T00:00:00Z' }),
  )
  const { code, states, log } = await load(
    pooler.database,
    [schema('s'), ...rows, state({ n: 1 })],
    { settings: { batch_size_rows: 8 } },
  )
  expect([code, states, log]).toEqual([
    0,
    ['{"n":1}'],
    expect.stringContaining('inserted 15, updated 25, unchanged 0'),
  ])
  expect(
    await rowsOf(database, 'raw.s', 'distinct extract_window_start_utc::text as start, 1 as id'),
  ).toEqual([{ start: '2024-01-01 00:00:00', id: 1 }])

  for (const command of ['state', 'count']) {
    const { code: end, out } = await start([command], { connection_string: pooler.database }).ended
    expect([end, out]).toEqual([0, expect.stringContaining(command === 'state' ? '1' : '15')])
  }
  // Whoever gets these sessions next finds them as they were.
  for (let session = 0; session < 2; session++)
    expect(
      await ask(
        pooler.database,
        `select current_setting('search_path') as path, current_setting('timezone') as zone,
                current_setting('lock_timeout') as wait`,
      ),
    ).toEqual([{ path: '"$user", public', zone: 'Asia/Tokyo', wait: '0' }])
  await pooler.close()
})
