import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { ask } from '../../dev/postgres.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { start } from '../fixtures/program.ts'
import { record, schema, state, toLines } from '../fixtures/trial.ts'

/** They start the program many times. */
const patient = { timeout: 180_000 }

let database: string

beforeEach(async () => {
  database = await testDatabase()
})

/** With every character that has a meaning in URLs, SQL, JSON or shells. */
const SECRET = `s3"c'r\\e%t@/:?#[]&=+ $é😀;--`
/** Any of its pieces would be too much. */
const PIECES = /s3"c|'r\\|e%t|\$é|😀|s3%22|%5Ce|s3\\"|s3%2522/

const silent = createServer()

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as { port: number }
  await new Promise((resolve) => silent.close(resolve))
  return port
}

/** A role that may do everything, with the secret as its password. */
async function createRole(): Promise<string> {
  const role = `leak_${new URL(database).pathname.slice(1)}`
  await ask(database, `create role ${role} superuser login password ${pg.escapeLiteral(SECRET)}`)
  onTestFinished(async () => {
    await ask(database, `drop owned by ${role} cascade; drop role ${role}`)
  })
  return role
}

test('the password works however it is given, and is seen nowhere', patient, async () => {
  const role = await createRole()
  const { hostname: host, port, pathname } = new URL(database)
  const name = pathname.slice(1)
  const address = `${host}:${port}/${name}`
  const encoded = encodeURIComponent(SECRET)
  const passfile = join(mkdtempSync(join(tmpdir(), 'pass-')), 'pgpass')
  const escaped = SECRET.replace(/[\\:]/g, '\\$&')
  writeFileSync(passfile, `*:*:*:${role}:${escaped}\n`, { mode: 0o600 })
  const parts = { host, port, user: role, database: name }
  const ways: [object, Record<string, string>, string[]][] = [
    [{ connection_string: `postgres://${role}:${encoded}@${address}` }, {}, []],
    [{ connection_string: `postgres://${address}?user=${role}&password=${encoded}` }, {}, []],
    [{ ...parts, password: SECRET }, {}, []],
    [parts, { PGPASSWORD: SECRET }, []],
    [parts, { PGPASSFILE: passfile }, []],
    [parts, { TARGET_POSTGRES_RAW_PASSWORD: SECRET }, ['--config', 'ENV']],
  ]
  for (const [index, [settings, environment, flags]] of ways.entries())
    for (const log_format of ['text', 'json']) {
      const all = { ...settings, log_level: 'debug', log_format }
      const target = start(flags, all, environment)
      target.process.stdin.write(toLines([schema('s'), record('s', { Id: 1 }), state({ index })]))
      const seen: unknown[] = [target.process.spawnargs]
      if (process.platform === 'linux')
        seen.push(readFileSync(`/proc/${target.process.pid}/cmdline`, 'utf8'))
      const sessions = () =>
        ask(database, 'select * from pg_stat_activity where usename = $1', [role])
      await expect.poll(sessions, { timeout: 30_000 }).not.toEqual([])
      seen.push(await sessions())
      target.process.stdin.end()
      const ended = await target.ended
      expect([index, ended.code, ended.out]).toEqual([index, 0, `{"index":${index}}\n`])
      seen.push(ended, await ask(database, 'select * from raw._singer_loads, raw._singer_state'))
      expect(JSON.stringify(seen)).not.toMatch(PIECES)
    }
})

test('connections that fail say why, and nothing of the password', patient, async () => {
  const { hostname: host, port, pathname } = new URL(database)
  const name = pathname.slice(1)
  const at = (text: string) => ({ connection_string: `postgres://postgres:${text}` })
  const encoded = encodeURIComponent(SECRET)
  const nobody = await closedPort()
  const failures: [object, number, RegExp][] = [
    [at(`${encoded}@${host}:${port}/${name}`), 5, /28P01.*Check user and password/],
    [{ host, port, user: 'postgres', password: SECRET, database: name }, 5, /28P01/],
    [at(`${encoded}@${host}:${nobody}/${name}`), 5, /ECONNREFUSED.*Is Postgres running there/],
    [at(`${encoded}@host.invalid/${name}`), 5, /(ENOTFOUND|EAI_AGAIN)/],
    [{ ...at(`${encoded}@${host}:${port}/x`), ssl_mode: 'require' }, 5, /does not support SSL/],
    [at(`${SECRET}@${host}:${port}/${name}`), 1, /special character in the password .* %XX/],
    ...['/s3"c', '?s3"c', '#s3"c', '@s3"c', '/s3"c?e%t', '?s3"c=e%t', '%s3"c'].map(
      (end): [object, number, RegExp] => [at(`12${end}@${host}:${port}/${name}`), 1, /%XX|has a %/],
    ),
    [
      { ...at(`${encoded}@${host}/${name}`), connection_string: 5 },
      1,
      /connection_string: must be/,
    ],
    [{ host: `postgres://u:${encoded}@${host}/${name}` }, 1, /host: is a URL/],
    [{ password: { text: SECRET } }, 1, /password: must be string/],
    [{ passwort: SECRET, port: 'x' }, 1, /unknown setting 'passwort'/],
  ]
  await Promise.all(
    failures.map(async ([settings, code, why], index) => {
      for (const log_format of ['text', 'json']) {
        const all = { max_attempts: 2, backoff_seconds: 0, log_level: 'debug', log_format }
        const target = start([], { ...all, ...settings }, { HOME: '/nonexistent' })
        target.process.stdin.end()
        const ended = await target.ended
        expect([index, ended.code, ended.out]).toEqual([index, code, ''])
        expect(ended.log).toMatch(why)
        expect(ended.log).not.toMatch(PIECES)
      }
    }),
  )
})

/** Names that try to end a string, a name, a line, a COPY or a terminal's text. */
const NASTY = [
  '"; drop table public.canary; --',
  "'; drop table public.canary; --",
  `\\'; drop table public.canary; --`,
  '$$; drop table public.canary; $$',
  '"".""; delete from public.canary; --',
  '\\.',
  '\\N',
  '\\x41\\101',
  'tab\there',
  'line\nbreak\r\n\\.\n',
  '\u001b[2J\u0007\u009bred',
  '%s%1$s{}',
  '`id`$(id)',
  '../../etc/passwd',
  '__proto__',
  'constructor',
  'select',
  'pg_temp',
  'singer_staging',
  '_singer_state',
  '😀',
  'Ωñ日本',
  'x'.repeat(200),
  '😀'.repeat(50),
  ' ',
]

const quoted = (text: string) => pg.escapeIdentifier(text)

test.each([
  ['"; drop table public.canary; --', `p'"; \\`],
  ["'||(select 1)||'", '";--'],
  ['😀 \\ "" $1', '😀\\'],
  ['x'.repeat(63), 'y'.repeat(40)],
])(
  'names with SQL in them are names: schema %s, prefix %s',
  async (target_schema, table_prefix) => {
    await ask(database, 'create table public.canary as select 1 as alive')
    const messages = NASTY.flatMap((stream) => [
      schema(stream, [stream, 'b"\\']),
      ...NASTY.map((id) => record(stream, { [stream]: id, 'b"\\': 1 })),
    ])
    const settings = {
      connection_string: database,
      default_target_schema: target_schema,
      table_prefix,
      state_id: `${NASTY[0]}😀${'x'.repeat(200)}`,
      log_level: 'debug',
    }
    const target = start([], settings)
    target.process.stdin.end(toLines([...messages, state({ name: NASTY[9] })]))
    const { code, out, log } = await target.ended
    expect([code, out]).toEqual([0, `${JSON.stringify({ name: NASTY[9] })}\n`])

    expect(await ask(database, 'select * from public.canary')).toEqual([{ alive: 1 }])
    const tables = await ask(
      database,
      `select schemaname, tablename from pg_tables
      where schemaname not in ('pg_catalog', 'information_schema')`,
    )
    expect(tables).toHaveLength(1 + 3 + NASTY.length)
    expect(new Set(tables.map((row) => row.schemaname))).toEqual(new Set(['public', target_schema]))
    const at = quoted(target_schema)
    const streams = await ask(database, `select * from ${at}._singer_streams`)
    expect(streams.map(({ stream }) => stream).sort()).toEqual([...NASTY].sort())
    for (const { stream, table_name, key_properties } of streams) {
      expect(key_properties).toEqual([stream, 'b"\\'])
      expect(table_name.startsWith(table_prefix)).toBe(true)
      const rows = await ask(database, `select id, payload from ${at}.${quoted(table_name)}`)
      expect(rows.map(({ id }) => JSON.parse(id)[0]).sort()).toEqual([...NASTY].sort())
      for (const { id, payload } of rows)
        expect(Object.entries(payload)).toContainEqual([stream, JSON.parse(id)[0]])
    }
    const kept = await ask(database, `select * from ${at}._singer_state`)
    expect(kept).toMatchObject([{ state_id: settings.state_id, value: out.trim() }])

    // One line for each thing that is said, and nothing that a terminal would obey.
    expect(log.trimEnd().split('\n')).toHaveLength(2 * NASTY.length + 2)
    expect(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/.test(log)).toBe(false)
    expect(log).toContain("stream '\\x1b[2J\\x07\\x9bred'")
    for (const command of ['state', 'count']) {
      const asked = await start([command], settings).ended
      expect([asked.code, asked.log]).toEqual([0, ''])
      expect(asked.out.trimEnd().split('\n')).toHaveLength(command === 'state' ? 1 : NASTY.length)
    }
  },
)

test('NUL in the name of a stream or in an id is replaced, and ends nothing', async () => {
  const target = start([], { connection_string: database })
  const stream = 'a\0"; drop schema raw cascade; --'
  const ids = ['\0', "\0'; --", 'b\0\\.']
  const messages = [schema(stream), ...ids.map((Id) => record(stream, { Id })), state({ n: 1 })]
  target.process.stdin.end(toLines(messages))
  const { code, out } = await target.ended
  expect([code, out]).toEqual([0, '{"n":1}\n'])
  const [found] = await ask(database, 'select * from raw._singer_streams')
  expect(found.stream).toBe(stream.replace('\0', '\ufffd'))
  const rows = await ask(database, `select id, payload_source from raw.${quoted(found.table_name)}`)
  expect(rows.map((row) => row.id).sort()).toEqual(
    ids.map((id) => id.replace('\0', '\ufffd')).sort(),
  )
  expect(rows.map((row) => JSON.parse(row.payload_source).Id).sort()).toEqual(ids.sort())
})

test('names that Postgres cannot have are refused before any connection', async () => {
  const bad = {
    connection_string: database,
    default_target_schema: 'x'.repeat(200),
    table_prefix: '😀'.repeat(20),
    state_id: 'a\0b',
  }
  const { code, out, log } = await start([], bad).ended
  expect([code, out]).toEqual([1, ''])
  expect(log).toContain('default_target_schema: must not be longer than 63 bytes')
  expect(log).toContain('table_prefix: must not be longer than 40 bytes')
  expect(log).toMatch(/state_id: must be a name/)
  expect(await ask(database, "select from pg_namespace where nspname = 'raw'")).toEqual([])
})
