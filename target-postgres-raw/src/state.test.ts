import { beforeEach, expect, test } from 'vitest'
import { ask } from '../../dev/postgres.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { load, record, schema, state } from '../fixtures/trial.ts'

let database: string

beforeEach(async () => {
  database = await testDatabase()
})

test('STATE is printed as it came, digits and all, and kept in the same transaction', async () => {
  const text = '{"n": 1.10, "big":12345678901234567890,"e":"\\u00e9é"}'
  const { states } = await load(database, [`{"type":"STATE","value":${text}}`], {
    settings: { state_id: "it's" },
  })
  expect(states).toEqual([text])
  const kept = await ask(database, 'select state_id, value from raw._singer_state')
  expect(kept).toEqual([{ state_id: "it's", value: text }])
})

test('STATE {} or null is never printed over a real one, and never alone', async () => {
  expect((await load(database, [state({}), state(null)])).states).toEqual([])
  expect((await load(database, [state({ n: 1 }), state({}), state(null)])).states).toEqual([
    '{"n":1}',
  ])
  expect(await ask(database, 'select value from raw._singer_state')).toEqual([{ value: '{"n":1}' }])
})

test('STATE [] is a value like any other', async () => {
  expect((await load(database, [state({ n: 1 }), state([])])).states).toEqual(['[]'])
  expect(await ask(database, 'select value from raw._singer_state')).toEqual([{ value: '[]' }])
})

test('at most one STATE is printed a commit', async () => {
  const input = [
    schema('s'),
    ...[1, 2, 3, 4, 5].flatMap((n) => [record('s', { Id: n }), state({ n })]),
  ]
  expect((await load(database, input)).states).toEqual(['{"n":5}'])
  const settings = { batch_size_rows: 2 }
  expect((await load(database, input, { settings })).states).toEqual([
    '{"n":1}',
    '{"n":3}',
    '{"n":5}',
  ])
})

test('the STATE of another company is refused, with all that came with it', async () => {
  const company = (realm_id: unknown, Id: number) => [
    schema('s'),
    record('s', { Id, of: realm_id }),
    state({ realm_id, n: Id }),
  ]
  await load(database, company('1', 1))
  await load(database, company(1, 2))
  const other = await load(database, company('2', 1))
  expect(other.code).toBe(6)
  expect(other.fault?.message).toMatch(
    /the STATE is of company 2; schema 'raw' .* holds company 1, whose rows/,
  )
  expect(other.states).toEqual([])
  const rows = await ask(database, "select id, payload ->> 'of' as of from raw.s order by id")
  expect(rows).toEqual([
    { id: '1', of: '1' },
    { id: '2', of: '1' },
  ])
  const apart = { settings: { state_id: 'other', table_prefix: 'other_' } }
  expect((await load(database, company('2', 1), apart)).code).toBe(0)
})
