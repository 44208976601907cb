import { beforeEach, expect, test } from 'vitest'
import { ask } from '../../dev/postgres.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { load, record, rowsOf, schema, state } from '../fixtures/trial.ts'

let database: string

beforeEach(async () => {
  database = await testDatabase()
})

const sent = (json: string, stream = 's') =>
  `{"type":"RECORD","stream":"${stream}","record":${json}}`

test.each(['jsonb', 'json'])('strings of 1 MB are stored whole (%s)', async (payload_type) => {
  const texts = ['x', 'é', '😀', '\\"\n', '\t'].map((text) => text.repeat(1_000_000 / text.length))
  const { code, states } = await load(
    database,
    [schema('s'), ...texts.map((text, Id) => record('s', { Id, text })), state({ n: 1 })],
    { settings: { payload_type } },
  )
  expect([code, states]).toEqual([0, ['{"n":1}']])
  const rows = await rowsOf(database, 'raw.s', "payload->>'text' as text")
  expect(rows.map(({ text }, at) => text === texts[at])).toEqual(texts.map(() => true))
})

test('a record of 50 MB is refused by stream and size, or loaded where such lines are allowed', async () => {
  const input = [
    ...[schema('s'), record('s', { Id: 1 }), state({ n: 1 })],
    ...[
      record('s', { Id: 2, text: 'y'.repeat(50_000_000) }),
      record('s', { Id: 3 }),
      state({ n: 2 }),
    ],
  ]
  const refused = await load(database, input)
  expect([refused.code, refused.states]).toEqual([6, ['{"n":1}']])
  expect(refused.fault?.message).toBe(
    "line 4: the line of stream 's' is longer than 8388608 bytes, the most that one line may hold",
  )
  expect(await rowsOf(database, 'raw.s', 'id')).toEqual([{ id: '1' }])
  const allowed = await load(database, input, { settings: { max_line_bytes: 64_000_000 } })
  expect([allowed.code, allowed.states.at(-1)]).toEqual([0, '{"n":2}'])
  expect(await rowsOf(database, 'raw.s', "id, length(payload->>'text') as length")).toEqual([
    { id: '1', length: null },
    { id: '2', length: 50_000_000 },
    { id: '3', length: null },
  ])
})

test('numbers of any size and length are kept, and none becomes another', async () => {
  const numbers = [
    '1e400',
    '-1E-300',
    '0.000',
    '-0.10',
    '9007199254740993',
    '1'.repeat(40),
    '1.5e+2',
  ]
  numbers.push('123456789012345678901234567890.123456789012345678901234567890')
  const { code } = await load(database, [
    schema('s'),
    ...numbers.map((number, at) => sent(`{"Id":"${at}","n":${number}}`)),
  ])
  expect(code).toBe(0)
  const [found] = await ask(
    database,
    `select count(*)::int as same from raw.s join unnest($1::text[]) with ordinality as sent(n, at)
        on id::int = at - 1 and (payload->>'n')::numeric = sent.n::numeric
       and scale((payload->>'n')::numeric) = scale(sent.n::numeric)`,
    [numbers],
  )
  expect(found.same).toBe(numbers.length)
})

test.each(['jsonb', 'json'])(
  'of a member that comes twice the last counts (%s)',
  async (payload_type) => {
    const at = '"2024-01-02T00:00:00Z"'
    const { code } = await load(
      database,
      [
        schema('s'),
        sent('{"Id":"a","Id":"b","v":1,"v":2}'),
        sent(
          `{"Id":"c","_sdc_deleted_at":${at},"_sdc_deleted_at":null,"_sdc_page_number":1,"_sdc_page_number":2}`,
        ),
        `{"type":"RECORD","stream":"s","record":{"Id":"x"},"stream":"s","record":{"Id":"d"}}`,
        sent('{"\\u0049d":"e","I\\u0064":"f"}'),
      ],
      { settings: { payload_type } },
    )
    expect(code).toBe(0)
    const rows = await rowsOf(
      database,
      'raw.s',
      "id, payload->>'Id' as key, payload->>'v' as v, deleted_at_utc as d, page_number as n",
    )
    expect(rows).toEqual([
      { id: 'b', key: 'b', v: '2', d: null, n: null },
      { id: 'c', key: 'c', v: null, d: null, n: 2 },
      { id: 'd', key: 'd', v: null, d: null, n: null },
      { id: 'f', key: 'f', v: null, d: null, n: null },
    ])
  },
)

test('keys may hold what means something to COPY, SQL or JavaScript', async () => {
  const ids = [
    '',
    ' ',
    '\\.',
    '\\N',
    '\t',
    '\n',
    '\r\n',
    "'",
    '"',
    '\\',
    '{}',
    'null',
    '日本',
    'é',
    'e\u0301',
  ]
  const names = ['__proto__', 'constructor', 'a"b', "a'b", 'toString']
  const { code } = await load(database, [
    ...[schema('s'), ...ids.map((Id) => record('s', { Id }))],
    ...names.flatMap((name, at) => [
      schema(`t${at}`, [name]),
      sent(`{${JSON.stringify(name)}:"x","other":1}`, `t${at}`),
    ]),
  ])
  expect(code).toBe(0)
  const rows = await ask(database, `select id, payload->>'Id' as sent from raw.s`)
  expect(rows.map(({ id }) => id).sort()).toEqual([...ids].sort())
  expect(rows.filter(({ id, sent: key }) => id !== key)).toEqual([])
  for (const at of names.keys())
    expect(await rowsOf(database, `raw.t${at}`, 'id')).toEqual([{ id: 'x' }])
})

test.each([
  '2024-02-30T00:00:00Z',
  '2024-01-01T25:00:00Z',
  '2024-01-01',
  '2024-01-01T00:00:00',
  '0000-00-00T00:00:00Z',
  '10000-01-01T00:00:00Z',
  '2024-01-01T00:00:00+99:00',
  'now',
  'infinity',
  '',
])("a time that is none, '%s', leaves its column empty and the row kept", async (time) => {
  const { code, log } = await load(database, [
    schema('s'),
    record('s', { Id: 1, _sdc_deleted_at: time }, { time_extracted: time }),
  ])
  expect([code, log.match(/WARNING/g)]).toEqual([0, ['WARNING', 'WARNING']])
  expect(
    await rowsOf(database, 'raw.s', 'payload, extracted_at_utc as e, deleted_at_utc as d'),
  ).toEqual([{ payload: { Id: 1, _sdc_deleted_at: time }, e: null, d: null }])
})

test.each([
  ['2024-01-01T00:00:00.123456789Z', '2024-01-01 00:00:00.123456+00'],
  ['2024-01-01t02:30:00+02:30', '2024-01-01 00:00:00+00'],
  ['2024-12-31T23:59:60Z', '2025-01-01 00:00:00+00'],
  ['9999-12-31T23:59:59.999999Z', '9999-12-31 23:59:59.999999+00'],
])('the time %s is the instant %s', async (time, instant) => {
  await load(database, [schema('s'), record('s', { Id: 1 }, { time_extracted: time })])
  expect(
    await rowsOf(database, 'raw.s', "(extracted_at_utc at time zone 'UTC')::text || '+00' as e"),
  ).toEqual([{ e: instant }])
})
