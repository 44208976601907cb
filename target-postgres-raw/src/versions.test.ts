import { beforeEach, expect, test } from 'vitest'
import { ask } from '../../dev/postgres.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { load, record, rowsOf, schema, state } from '../fixtures/trial.ts'

let database: string

beforeEach(async () => {
  database = await testDatabase()
})

const at = (day: number) => ({ time_extracted: `2024-01-0${day}T00:00:00Z` })

test('An older version of a row never replaces a newer one', async () => {
  const versions = [
    record('s', { Id: 1, v: 'new' }, { time_extracted: '2024-01-02T00:00:00+02:00' }),
    record('s', { Id: 1, v: 'old' }, { time_extracted: '2024-01-01T21:59:59.999999Z' }),
  ]
  for (const order of [versions, [...versions].reverse()])
    for (const batch_size_rows of [1, 10]) {
      const fresh = await testDatabase()
      const { log } = await load(fresh, [schema('s'), ...order], { settings: { batch_size_rows } })
      expect(await rowsOf(fresh, 'raw.s', "payload->>'v' as v")).toEqual([{ v: 'new' }])
      expect(log).toContain(order === versions ? 'older 1,' : 'older 0,')
    }
})

test('of the same instant, or without a usable time, the later in the stream wins', async () => {
  const pairs = [
    [at(1), { time_extracted: '2024-01-01T01:00:00.000+01:00' }],
    [{}, at(1)],
    [at(1), {}],
    [at(1), { time_extracted: 'soon' }],
  ]
  for (const [first, second] of pairs)
    for (const batch_size_rows of [1, 10]) {
      const fresh = await testDatabase()
      await load(
        fresh,
        [schema('s'), record('s', { Id: 1, v: 1 }, first), record('s', { Id: 1, v: 2 }, second)],
        { settings: { batch_size_rows } },
      )
      expect(await rowsOf(fresh, 'raw.s', "payload->>'v' as v")).toEqual([{ v: '2' }])
    }
})

test('Running the same window again changes nothing', async () => {
  const input = (day: number) => [
    schema('s'),
    ...Array.from({ length: 500 }, (_, n) =>
      record('s', { Id: n, x: 'y'.repeat(n * 10) }, at(day)),
    ),
    '{"type":"RECORD","stream":"s","record":{"Id":"d","x":1.10}}',
  ]
  await load(database, input(1))
  const place = 'id, ctid::text, xmin::text, ingested_at_utc, extracted_at_utc'
  const before = await rowsOf(database, 'raw.s', place)
  const { log } = await load(database, input(2))
  expect(log).toContain('inserted 0, updated 0, unchanged 501, older 0, deleted 0')
  expect(await rowsOf(database, 'raw.s', place)).toEqual(before)
  const changed = await load(database, [
    schema('s'),
    '{"type":"RECORD","stream":"s","record":{"Id":"d","x":1.1}}',
  ])
  expect(changed.log).toContain('inserted 0, updated 1, unchanged 0')
})

test('the same payload under a new version is only noted', async () => {
  const what = 'version, extracted_at_utc, ingested_at_utc, page_number'
  const send = (page: number, version: number, day: number) =>
    load(database, [
      schema('s'),
      record('s', { Id: 1, _sdc_page_number: page }, { version, ...at(day) }),
    ])
  await send(1, 1, 1)
  const [before] = await rowsOf(database, 'raw.s', what)
  const { log } = await send(2, 2, 2)
  expect(log).toContain('updated 0, unchanged 1')
  expect(await rowsOf(database, 'raw.s', what)).toEqual([{ ...before, version: '2' }])
})

test('ACTIVATE_VERSION marks the rows of lower and of no version', async () => {
  await load(database, [
    schema('s'),
    record('s', { Id: 'none' }),
    record('s', { Id: 'old' }, { version: 1 }),
    record('s', { Id: 'both' }, { version: 1 }),
    record('s', { Id: 'later' }, { version: 3 }),
  ])
  const { code, log } = await load(database, [
    { type: 'ACTIVATE_VERSION', stream: 'unknown', version: 2 },
    { type: 'ACTIVATE_VERSION', stream: 's', version: 2 },
    schema('s'),
    { type: 'ACTIVATE_VERSION', stream: 's', version: 2 },
    record('s', { Id: 'both' }, { version: 2 }),
    { type: 'ACTIVATE_VERSION', stream: 's', version: 2 },
  ])
  expect([code, log]).toEqual([0, expect.stringContaining('unchanged 1, older 0, deleted 2')])
  const marked = await rowsOf(database, 'raw.s', 'id, deleted_at_utc is not null as deleted')
  expect(marked).toEqual([
    { id: 'both', deleted: false },
    { id: 'later', deleted: false },
    { id: 'none', deleted: true },
    { id: 'old', deleted: true },
  ])
})

test('what an ACTIVATE_VERSION without a SCHEMA marks is in the end report', async () => {
  await load(database, [
    schema('s'),
    record('s', { Id: 1 }, { version: 1 }),
    record('s', { Id: 2 }, { version: 2 }),
  ])
  const activation = { type: 'ACTIVATE_VERSION', stream: 's', version: 2 }
  const { code, log } = await load(database, [activation, state({ n: 1 })])
  expect([code, log]).toEqual([
    0,
    expect.stringContaining("stream 's' (s): inserted 0, updated 0,"),
  ])
  expect(log).toContain('unchanged 0, older 0, deleted 1\n')
})

test.each([
  ['dropped', 'select 1'],
  ['replaced by a view', 'create view raw.s as select 1 as version'],
  ['replaced by a table', 'create table raw.s (version text)'],
])('an ACTIVATE_VERSION of a table that was %s does nothing', async (_, statement) => {
  await load(database, [schema('s'), record('s', { Id: 1 })])
  await ask(database, 'drop table raw.s')
  await ask(database, statement)
  const activation = { type: 'ACTIVATE_VERSION', stream: 's', version: 2 }
  const { code, states } = await load(database, [activation, state({ n: 1 })])
  expect([code, states]).toEqual([0, ['{"n":1}']])
})

test.each(['"x"', undefined, 'null', '1.5', '99999999999999999999999'])(
  'an ACTIVATE_VERSION with version %s does nothing and is warned of once',
  async (version) => {
    const more = version === undefined ? '' : `,"version":${version}`
    const activation = `{"type":"ACTIVATE_VERSION","stream":"s"${more}}`
    const { code, states, log } = await load(database, [
      activation,
      schema('s'),
      record('s', { Id: 1 }),
      activation,
      record('s', { Id: 2 }, { version: 1 }),
      state({ n: 1 }),
    ])
    expect([code, states]).toEqual([0, ['{"n":1}']])
    expect(await rowsOf(database, 'raw.s', 'id, deleted_at_utc')).toEqual([
      { id: '1', deleted_at_utc: null },
      { id: '2', deleted_at_utc: null },
    ])
    expect(log.match(/WARNING/g)).toHaveLength(1)
    expect(log).toContain("stream 's', line 1: an ACTIVATE_VERSION without a usable 'version'")
  },
)

test('a row of the new version that comes from an older page is not marked deleted', async () => {
  await load(database, [schema('s'), record('s', { Id: 'x', v: 1 }, { version: 1, ...at(5) })])
  await load(database, [
    schema('s'),
    record('s', { Id: 'x', v: 2 }, { version: 2, ...at(4) }),
    record('s', { Id: 'y' }, { version: 2, ...at(4) }),
    { type: 'ACTIVATE_VERSION', stream: 's', version: 2 },
  ])
  expect(await rowsOf(database, 'raw.s', "id, payload->>'v' as v, deleted_at_utc")).toEqual([
    { id: 'x', v: '1', deleted_at_utc: null },
    { id: 'y', v: null, deleted_at_utc: null },
  ])
})

test('a mark of an ACTIVATE_VERSION that comes first in its run is cleared by the record after it', async () => {
  await load(database, [
    schema('s'),
    record('s', { Id: 'x' }, { version: 1, ...at(1) }),
    record('s', { Id: 'y' }, { version: 2, ...at(1) }),
  ])
  await load(database, [
    schema('s'),
    { type: 'ACTIVATE_VERSION', stream: 's', version: 2 },
    record('s', { Id: 'x' }, { version: 2, ...at(2) }),
  ])
  expect(await rowsOf(database, 'raw.s', 'id, deleted_at_utc')).toEqual([
    { id: 'x', deleted_at_utc: null },
    { id: 'y', deleted_at_utc: null },
  ])
})
