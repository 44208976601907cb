import { once } from 'node:events'
import pg from 'pg'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { ask } from '../../dev/postgres.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { start } from '../fixtures/program.ts'
import { startProxy } from '../fixtures/proxy.ts'
import { load, record, schema, state } from '../fixtures/trial.ts'

let database: string

beforeEach(async () => {
  database = await testDatabase()
})

/** Runs a sub-command with these settings beside the connection. */
function run(command: string, settings: Record<string, unknown> = {}) {
  return start([command], { connection_string: database, backoff_seconds: 0.01, ...settings }).ended
}

const inWindow = (id: string, day: number, hours = '00') => ({
  Id: id,
  _sdc_extract_window_start_utc: `2024-01-0${day}T${hours}:00:00Z`,
  _sdc_extract_window_end_utc: `2024-01-0${day + 1}T00:00:00+00:00`,
})

test('state prints the last committed STATE to the letter, of its own state_id', async () => {
  const text = '{"n": 1.10, "big":12345678901234567890,"e":"\\u00e9é\\u0000"}'
  const good = [schema('s'), record('s', { Id: 1 }), `{"type":"STATE","value":${text}}`]
  expect((await load(database, good)).states).toEqual([text])
  await load(database, [state({ other: 1 })], { settings: { state_id: "it's" } })
  expect(await run('state')).toMatchObject({ code: 0, out: `${text}\n`, log: '' })
  expect(await run('state', { state_id: "it's" })).toMatchObject({ code: 0, out: '{"other":1}\n' })
})

test('state says what is missing where: no table, no row, another state_id', async () => {
  const nowhere = await run('state', { default_target_schema: 'none' })
  expect([nowhere.code, nowhere.out]).toEqual([1, ''])
  expect(nowhere.log).toMatch(/^ERROR schema 'none' has no tables of this target \(Postgres at 127/)
  expect(nowhere.log).toMatch(/\nCRITICAL .*default_target_schema/)

  await load(database, [schema('s'), record('s', { Id: 1 })])
  const without = await run('state')
  expect([without.code, without.out]).toEqual([1, ''])
  expect(without.log).toContain("no STATE is kept under the state_id 'default' (Postgres at ")

  for (const state_id of ['a', 'b'])
    await load(database, [state({ n: 1 })], { settings: { state_id } })
  const other = await run('state')
  expect([other.code, other.out]).toEqual([1, ''])
  expect(other.log).toContain("no STATE is kept under the state_id 'default', only under 'a', 'b'")
})

test('count gives the live rows of each stream and window in order', async () => {
  await load(database, [
    schema('s'),
    record('s', inWindow('1', 3)),
    record('s', inWindow('2', 1)),
    record('s', inWindow('3', 1)),
    record('s', inWindow('4', 1, '12')),
    record('s', { ...inWindow('5', 1), _sdc_deleted_at: '2024-02-01T00:00:00Z' }),
    schema('Über uns'),
    record('Über uns', { Id: 1 }),
    schema('all gone'),
    record('all gone', { Id: 1, _sdc_deleted_at: '2024-02-01T00:00:00Z' }),
  ])
  const { code, out, log } = await run('count')
  expect([code, log]).toEqual([0, ''])
  const line = (start: string, end: string, rows: number) =>
    `{"stream":"s","extract_window_start_utc":"${start}","extract_window_end_utc":"${end}","rows":${rows}}\n`
  expect(out).toBe(
    line('2024-01-01T00:00:00Z', '2024-01-02T00:00:00Z', 2) +
      line('2024-01-01T12:00:00Z', '2024-01-02T00:00:00Z', 1) +
      line('2024-01-03T00:00:00Z', '2024-01-04T00:00:00Z', 1) +
      '{"stream":"Über uns","extract_window_start_utc":null,"extract_window_end_utc":null,"rows":1}\n',
  )
})

test('count takes the tables of its own prefix, and says when one is gone', async () => {
  for (const table_prefix of ['', 'qb_'])
    await load(database, [schema('s'), schema('S'), record('s', { Id: table_prefix })], {
      settings: { table_prefix },
    })
  await load(database, [schema('s'), record('s', { Id: 'second' })])
  const rows = async (settings = {}) => (await run('count', settings)).out.match(/"rows":\d+/g)
  expect(await rows()).toEqual(['"rows":2'])
  expect(await rows({ table_prefix: 'qb_' })).toEqual(['"rows":1'])
  await ask(database, 'drop table raw.qb_s')
  const gone = await run('count', { table_prefix: 'qb_' })
  expect([gone.code, gone.out]).toEqual([0, ''])
  expect(gone.log).toBe('WARNING table raw.qb_s is not there any more\n')
  expect(await run('count', { default_target_schema: 'none' })).toMatchObject({ code: 1, out: '' })
})

test('both need nothing but SELECT, and change nothing', async () => {
  await load(database, [schema('s'), record('s', { Id: 1 }), state({ n: 1 })])
  const role = `reader_${new URL(database).pathname.slice(1)}`
  const name = pg.escapeIdentifier(new URL(database).pathname.slice(1))
  await ask(database, `create role ${role} login password 'reader-password'`)
  onTestFinished(async () => {
    await ask(database, `drop owned by ${role}; drop role ${role}`)
  })
  await ask(
    database,
    `revoke all on database ${name} from public; grant connect on database ${name} to ${role};
     grant usage on schema raw to ${role}; alter role ${role} set default_transaction_read_only to on`,
  )
  const as = new URL(database)
  as.username = role
  as.password = 'reader-password'
  const settings = { connection_string: as.href }
  const denied = await run('state', settings)
  expect([denied.code, denied.out]).toEqual([5, ''])
  expect(denied.log).toMatch(
    /^CRITICAL cannot read the STATE .*permission denied .*grant select on all tables/,
  )
  await ask(database, `grant select on all tables in schema raw to ${role}`)
  expect(await run('state', settings)).toMatchObject({ code: 0, out: '{"n":1}\n', log: '' })
  expect((await run('count', settings)).out).toContain('"rows":1')
})

test('a count whose connection is lost begins anew and prints each line once', async () => {
  await load(
    database,
    ['a', 'b'].flatMap((s) => [schema(s), record(s, { Id: 1 })]),
  )
  const proxy = await startProxy(database, {
    onSent(data, cut, number) {
      if (number > 1 || !data.includes('from "raw"."b"')) return 'forward'
      cut()
      return 'hold'
    },
  })
  const { code, out, log } = await run('count', { connection_string: proxy.database })
  await proxy.close()
  expect([code, proxy.connections()]).toEqual([0, 2])
  expect(out.match(/"stream":"\w"/g)).toEqual(['"stream":"a"', '"stream":"b"'])
  expect(log).toContain('try 2 of 5')
})

test('a count that waits ends at SIGINT', async () => {
  await load(database, [schema('s'), record('s', { Id: 1 })])
  const second = new pg.Client({ connectionString: database })
  await second.connect()
  await second.query('begin; lock table raw.s in access exclusive mode')
  const counting = start(['count'], { connection_string: database })
  const waiting =
    "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
  await expect.poll(() => ask(database, waiting), { timeout: 30_000 }).toHaveLength(1)
  const asked = performance.now()
  counting.process.kill('SIGINT')
  const { code, out } = await counting.ended
  expect([code, out]).toEqual([130, ''])
  expect(performance.now() - asked).toBeLessThan(5000)
  await second.end()
})

test('state and count explain themselves, and refuse what they do not know', async () => {
  for (const command of ['state', 'count']) {
    const help = await start([command, '--help']).ended
    expect([help.code, help.out]).toEqual([
      0,
      expect.stringContaining(`target-postgres-raw ${command} `),
    ])
    expect(help.out).toContain('--config')
    expect((await start([command, '--input', 'x']).ended).code).toBe(2)
  }
  const whole = start(['--help'])
  await once(whole.process, 'close')
  expect((await whole.ended).out).toMatch(/ state +Prints [\s\S]* count +How many/)
})
