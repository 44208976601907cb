import { beforeEach, expect, test } from 'vitest'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { load, record } from '../fixtures/trial.ts'

let database: string

beforeEach(async () => {
  database = await testDatabase()
})

test('validate_records makes a record that does not fit its schema bad input', async () => {
  const declared = {
    type: 'SCHEMA',
    stream: 's',
    schema: {
      $schema: 'http://json-schema.org/draft-04/schema#',
      type: 'object',
      properties: { Id: { type: 'integer' }, at: { type: 'string', format: 'date-time' } },
    },
    key_properties: ['Id'],
  }
  const input = [declared, record('s', { Id: 1 }), record('s', { Id: 2, at: 'noon' })]
  expect((await load(database, input)).code).toBe(0)
  const { code, fault } = await load(database, input, { settings: { validate_records: true } })
  expect([code, fault?.message]).toEqual([
    6,
    `line 3: a record of stream 's' does not fit its schema: /at must match format "date-time"`,
  ])
})

test('validate_records sees that 19.99 is a multiple of 0.01', async () => {
  const declared = {
    type: 'SCHEMA',
    stream: 's',
    schema: { properties: { n: { type: 'number', multipleOf: 0.01 } } },
    key_properties: ['Id'],
  }
  const numbers = [19.99, -0.07, 1.1, 98765432.19, 5]
  const good = numbers.map((n) => record('s', { Id: n, n }))
  const { code, fault } = await load(
    database,
    [declared, ...good, record('s', { Id: 'bad', n: 19.991 })],
    { settings: { validate_records: true } },
  )
  expect([code, fault?.message]).toEqual([
    6,
    "line 7: a record of stream 's' does not fit its schema: /n must be multiple of 0.01",
  ])
})

test.each([
  [
    'of an old draft with an id',
    { id: 'http://example.com/s', properties: { n: { type: 'integer' } } },
    /^line 2: .* \/n must be integer$/,
  ],
  [
    'that is asynchronous to Ajv',
    { $async: true, properties: { n: { type: 'integer' } } },
    /^line 2: .* \/n must be integer$/,
  ],
  [
    'that refers to itself without end',
    { $ref: '#' },
    /^line 2: a record of stream 's' cannot be compared with its schema$/,
  ],
  [
    'that refers to a file elsewhere',
    { properties: { n: { $ref: 'http://example.com/n.json' } } },
    /^line 1: the schema of stream 's' cannot be used to validate$/,
  ],
])('validate_records holds against a schema %s', async (_, given, message) => {
  const declared = { type: 'SCHEMA', stream: 's', schema: given, key_properties: ['Id'] }
  const { code, fault } = await load(database, [declared, record('s', { Id: 1, n: 'x' })], {
    settings: { validate_records: true },
  })
  expect([code, fault?.message]).toEqual([6, expect.stringMatching(message)])
})
