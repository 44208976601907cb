import { beforeEach, expect, test } from 'vitest'
import { ask } from '../../dev/postgres.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { load, record, rowsOf, schema, state } from '../fixtures/trial.ts'

let database: string

beforeEach(async () => {
  database = await testDatabase()
})

test('rows come out the same at every batch size', async () => {
  let seed = 7
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648
    return Math.floor((seed / 2147483648) * below)
  }
  const input: object[] = [schema('a'), schema('b', [])]
  for (let n = 0; n < 400; n++) {
    const id = `${random(40)}`
    const time = { time_extracted: new Date(Date.UTC(2024, 0, 1) + n * 1000).toISOString() }
    if (random(8) === 0)
      input.push(record('a', { Id: id, _sdc_deleted_at: time.time_extracted }, time))
    else input.push(record('a', { Id: id, v: random(3) }, time))
    if (random(4) === 0) input.push(record('b', { v: random(20) }))
  }
  const outcomes: unknown[] = []
  for (const batch_size_rows of [1, 2, 10, 10_000]) {
    const fresh = await testDatabase()
    const { code } = await load(fresh, input, { settings: { batch_size_rows } })
    const rows = await rowsOf(fresh, 'raw.a', 'id, payload, deleted_at_utc')
    outcomes.push([code, rows, await rowsOf(fresh, 'raw.b')])
  }
  for (const outcome of outcomes) expect(outcome).toEqual(outcomes[0])
})

test('each commit leaves a row a stream in _singer_loads', async () => {
  await load(database, [
    schema('s'),
    record('s', {
      Id: 1,
      _sdc_extract_window_start_utc: '2024-01-02T00:00:00Z',
      _sdc_extract_window_end_utc: '2024-01-03T00:00:00Z',
    }),
    record('s', {
      Id: 2,
      _sdc_extract_window_start_utc: '2024-01-01T00:00:00Z',
      _sdc_extract_window_end_utc: '2024-01-02T00:00:00Z',
    }),
    state({ n: 1 }),
  ])
  expect(
    await ask(
      database,
      `select state_id, stream, table_name, inserted, updated, unchanged, older, deleted, value,
        extract_window_start_utc as w0, extract_window_end_utc as w1, committed_at_utc >= started_at_utc as timed
       from raw._singer_loads`,
    ),
  ).toEqual([
    {
      state_id: 'default',
      stream: 's',
      table_name: 's',
      inserted: '2',
      updated: '0',
      unchanged: '0',
      older: '0',
      deleted: '0',
      value: '{"n":1}',
      w0: new Date('2024-01-01T00:00:00Z'),
      w1: new Date('2024-01-03T00:00:00Z'),
      timed: true,
    },
  ])
})

test('the log of a good run says neither "error" nor "exception"', async () => {
  const { log } = await load(
    database,
    [schema('s'), record('s', { Id: 'error', exception: 'exception' }), state({ n: 1 })],
    { settings: { log_level: 'debug' } },
  )
  expect(log).toContain('inserted 1')
  expect(log).not.toMatch(/error|exception/i)
})
