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
