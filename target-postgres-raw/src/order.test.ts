import { randomInt } from 'node:crypto'
import { expect, test } from 'vitest'
import { chance, draw, pick } from '../../dev/simulator/random.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { load, record, rowsOf, schema } from '../fixtures/trial.ts'

const SEED = Number(process.env.ORDER_SEED ?? randomInt(1e9))
const SIZES = [1, 2, 10, 10_000]

const day = (number: number) => `2024-01-0${number}T00:00:00Z`
const at = (number: number) => ({ time_extracted: day(number) })

/** Everything of a table but when it was written. */
const COLUMNS = `id, payload::text, extracted_at_utc, deleted_at_utc, version::int, page_number,
  payload_source`

/** What the table and the counts are after these loads, for each batch size; they must be equal. */
async function outcome(
  loads: readonly (readonly object[])[],
  settings: Record<string, string | boolean> = {},
): Promise<{ rows: Record<string, unknown>[]; counts: string[] }> {
  const outcomes: { rows: Record<string, unknown>[]; counts: string[] }[] = []
  for (const batch_size_rows of SIZES) {
    const database = await testDatabase()
    const counts: string[] = []
    for (const messages of loads) {
      const { code, log } = await load(database, [schema('s'), ...messages], {
        settings: { batch_size_rows, ...settings },
      })
      expect(code).toBe(0)
      counts.push(/\(s\): (.*)/.exec(log)?.[1] ?? log)
    }
    outcomes.push({ rows: await rowsOf(database, 'raw.s', COLUMNS), counts })
  }
  for (const [index, one] of outcomes.entries())
    expect({ size: SIZES[index], ...one }).toEqual({ size: SIZES[index], ...outcomes[0] })
  return outcomes[0] as (typeof outcomes)[0]
}

test('a payload that comes twice in a batch replaces what is older than the second', async () => {
  const { rows } = await outcome([
    [record('s', { Id: 1, v: 'old' }, at(3))],
    [record('s', { Id: 1, v: 'new' }, at(2)), record('s', { Id: 1, v: 'new' }, at(4))],
  ])
  expect(rows[0]).toMatchObject({
    payload: '{"v": "new", "Id": 1}',
    extracted_at_utc: new Date(day(4)),
  })
})

test('two marks of an unknown row leave the first payload and the newer mark', async () => {
  const mark = (v: number, number: number) =>
    record('s', { Id: 1, v, _sdc_deleted_at: day(number) }, at(number))
  const { rows } = await outcome([[mark(1, 2), mark(2, 3)]])
  expect(rows[0]).toMatchObject({
    payload: '{"v": 1, "Id": 1}',
    extracted_at_utc: new Date(day(2)),
    deleted_at_utc: new Date(day(3)),
  })
})

test('a record older than the mark before it, and newer than the payload, replaces that alone', async () => {
  const { rows } = await outcome([
    [
      record('s', { Id: 1, v: 1 }, at(1)),
      record('s', { Id: 1, _sdc_deleted_at: day(4) }, at(5)),
      record('s', { Id: 1, v: 2 }, at(3)),
    ],
  ])
  expect(rows[0]).toMatchObject({
    payload: '{"v": 2, "Id": 1}',
    deleted_at_utc: new Date(day(4)),
  })
})

test('a payload that was there before, and another one since, is seen anew', async () => {
  const back = [record('s', { Id: 1, v: 2 }, at(2)), record('s', { Id: 1, v: 1 }, at(3))]
  const { rows, counts } = await outcome([[record('s', { Id: 1, v: 1 }, at(1))], back])
  expect(rows[0]).toMatchObject({ extracted_at_utc: new Date(day(3)) })
  expect(counts[1]).toBe('inserted 0, updated 2, unchanged 0, older 0, deleted 0')
})

/** Records, marks and activations of few rows in any order of time. */
function history(random: { state: number }): object[] {
  const messages: object[] = []
  for (let count = 0; count < 60; count++) {
    const time = chance(random, 15) ? {} : at(1 + draw(random, 9))
    const version = chance(random, 50) ? {} : { version: 1 + draw(random, 3) }
    const isMark = chance(random, 25)
    const value = {
      Id: draw(random, 6),
      v: draw(random, 3),
      ...(chance(random, 10) && { text: '\0' }),
      ...(isMark && { _sdc_deleted_at: pick(random, [day(1 + draw(random, 9)), 'soon']) }),
      ...(chance(random, 20) && { _sdc_page_number: draw(random, 3) }),
    }
    messages.push(record('s', value, { ...time, ...version }))
    if (chance(random, 4))
      messages.push({ type: 'ACTIVATE_VERSION', stream: 's', version: 1 + draw(random, 3) })
  }
  // With a time of its own for the marks of activations that come before any other.
  return [record('s', { Id: 'first' }, at(1)), ...messages]
}

test.each([{}, { hard_delete: true }, { payload_type: 'json' }])(
  'rows and counts come out the same at every batch size, whatever their times, marks and versions (%o)',
  async (settings) => {
    for (let round = 0; round < 2; round++) {
      const seed = SEED + round
      const random = { state: seed }
      await outcome([history(random), history(random)], settings).catch((thrown) => {
        throw new Error(`ORDER_SEED=${seed}: ${(thrown as Error).message}`, { cause: thrown })
      })
    }
  },
)
