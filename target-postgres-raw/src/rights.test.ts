import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ask, type Postgres, startPostgres } from '../../dev/postgres.ts'
import { start } from '../fixtures/program.ts'
import { load, record, schema, state, toLines } from '../fixtures/trial.ts'

// A busy machine takes its time.
vi.setConfig({ testTimeout: 300_000 })

// One of its own, for roles belong to a whole server.
let postgres: Postgres
let admin: string

/** The SQL of the README, to the letter. */
const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
const roles = /```postgresql\n([^`]*)```/.exec(readme)?.[1] ?? ''

function as(role: string): string {
  const url = new URL(admin)
  url.username = role
  url.password = `${role}-password`
  return url.href
}

/** What the message says must be run, up to its semicolon. */
function remedies(message: string): string[] {
  const said = /run: (.*)/.exec(message)?.[1] ?? ''
  return [...said.matchAll(/(?:grant|alter|create) [^;]*;/g)].map(([statement]) => statement)
}

/** Runs the target on these messages; gives its exit code, STATE lines and last line. */
async function run(role: string, messages: readonly object[], settings = {}) {
  const target = start([], { connection_string: as(role), table_prefix: 'qb_', ...settings })
  target.process.stdin.end(toLines(messages))
  const { code, out, log } = await target.ended
  return { code, out, last: log.trimEnd().split('\n').at(-1) ?? '' }
}

/** Runs `--test`; gives its exit code, whether it printed, and its lines. */
async function tryOut(role: string, settings = {}) {
  const all = { connection_string: as(role), table_prefix: 'qb_', ...settings }
  const { code, out, log } = await start(['--test'], all).ended
  const lines = log.trimEnd().split('\n')
  return { code, out, lines, last: lines.at(-1) ?? '' }
}

const schemas = () =>
  ask(admin, "select nspname from pg_namespace where nspname !~ '^pg_(toast_)?temp'")

beforeAll(async () => {
  postgres = await startPostgres()
  admin = await postgres.createDatabase('warehouse')
  // Not even what everybody has without being asked.
  await ask(admin, 'revoke all on database warehouse from public')
  await ask(admin, roles)
  for (const role of ['raw_owner', 'raw_loader'])
    await ask(admin, `alter role ${role} password '${role}-password'`)
})

afterAll(() => postgres.stop('immediate'))

const first = [schema('invoices'), schema('customers'), record('invoices', { Id: 1 })]
const everything = [
  schema('invoices'),
  schema('customers'),
  record('invoices', { Id: 1, v: 2 }, { version: 1 }),
  record('invoices', { Id: 2 }, { version: 1 }),
  record('customers', { Id: 1 }),
  record('customers', { Id: 1, _sdc_deleted_at: '2024-01-01T00:00:00Z' }),
  state({ n: 1 }),
  { type: 'ACTIVATE_VERSION', stream: 'invoices', version: 1 },
  state({ n: 2 }),
]

test('with the SQL of the README the owner makes the tables and the loader fills them', async () => {
  const before = await run('raw_loader', first)
  expect([before.code, before.out]).toEqual([5, ''])
  expect(before.last).toContain('permission denied for schema raw (42501)')

  expect(await run('raw_owner', first)).toMatchObject({ code: 0 })
  for (const _ of [1, 2])
    expect(await run('raw_loader', everything)).toMatchObject({
      code: 0,
      out: '{"n":1}\n{"n":2}\n',
    })
  expect(await ask(admin, 'select id, payload from raw.qb_invoices order by id')).toEqual([
    { id: '1', payload: { Id: 1, v: 2 } },
    { id: '2', payload: { Id: 2 } },
  ])
  for (const command of ['state', 'count']) {
    const settings = { connection_string: as('raw_loader'), table_prefix: 'qb_' }
    expect(await start([command], settings).ended).toMatchObject({ code: 0, log: '' })
  }
})

test('--test says what it finds, for the owner and for the loader', async () => {
  await load(as('raw_owner'), first, { settings: { table_prefix: 'qb_' } })
  for (const [role, may] of [
    ['raw_owner', 'may load into 2 tables of schema raw, and make others'],
    ['raw_loader', 'may load into 2 tables of schema raw, but make no other one'],
  ] as const)
    expect((await tryOut(role)).lines).toEqual([
      'INFO settings: schema raw, table_prefix qb_',
      expect.stringMatching(
        `^INFO connection: Postgres at 127.0.0.1:\\d+ .*user '${role}'.*, not encrypted, on this machine$`,
      ),
      expect.stringMatching(/^INFO server: Postgres \d+\.\d+/),
      `INFO rights: ${may}`,
    ])
  const settings = { default_target_schema: 'elsewhere' }
  const none = await tryOut('raw_loader', settings)
  expect([none.code, none.lines.length]).toEqual([5, 5])
  expect(none.last).toMatch(
    /: nothing can be loaded there: there is no schema elsewhere, and no right/,
  )
  await ask(admin, 'grant create on database warehouse to raw_loader')
  expect((await tryOut('raw_loader', settings)).last).toBe(
    'INFO rights: there is no schema elsewhere yet; the first load makes it',
  )
  await ask(admin, 'revoke create on database warehouse from raw_loader')
  await ask(admin, 'alter role raw_loader set default_transaction_read_only to on')
  const fixed = await tryOut('raw_loader')
  expect([fixed.code, fixed.last]).toEqual([5, expect.stringContaining('is read-only')])
  await ask(admin, 'alter role raw_loader reset default_transaction_read_only')
  const wrong = await tryOut('raw_loader', {
    connection_string: as('raw_owner').replace('-password', ''),
  })
  expect([wrong.code, wrong.last]).toEqual([5, expect.stringContaining('Check user and password.')])
})

test('the loader has no other right', async () => {
  await load(as('raw_owner'), first, { settings: { table_prefix: 'qb_' } })
  // Before version 15 the schema public is open to all; its owner may close it.
  await ask(admin, 'revoke create on schema public from public')
  for (const statement of [
    'delete from raw.qb_invoices',
    'truncate raw.qb_invoices',
    'drop table raw.qb_invoices',
    'alter table raw.qb_invoices add column x int',
    'create table raw.x ()',
    'create schema x',
    'create table public.x ()',
    'drop schema raw cascade',
  ])
    await expect(ask(as('raw_loader'), statement)).rejects.toThrow(
      /permission denied|must be owner/,
    )
})

test('a loader that would need a new table ends with 5 and the SQL for it, which helps', async () => {
  await load(as('raw_owner'), first, { settings: { table_prefix: 'qb_' } })
  const messages = [
    ...first,
    record('invoices', { Id: 'before' }),
    state({ n: 3 }),
    schema('items'),
    record('items', { Id: 1 }),
    state({ n: 4 }),
  ]
  const denied = await run('raw_loader', messages)
  // What came before is committed.
  expect([denied.code, denied.out]).toEqual([5, '{"n":3}\n'])
  expect(denied.last).toMatch(
    /^CRITICAL cannot prepare the table of stream 'items' in Postgres at .*: permission denied for schema raw \(42501\)\. Let the owner of the schema run: grant create on schema "raw" to "raw_loader"; or load once as the owner/,
  )
  const [grant = ''] = remedies(denied.last)
  await ask(as('raw_owner'), grant)
  expect(await run('raw_loader', messages)).toMatchObject({ code: 0, out: '{"n":4}\n' })
  await ask(as('raw_owner'), grant.replace('grant', 'revoke').replace(' to ', ' from '))
})

test.each<[string, string, object, string[]]>([
  [
    'the staging table',
    'revoke temporary on database warehouse from raw_loader',
    {},
    ['grant temporary on database "warehouse" to "raw_loader";'],
  ],
  [
    'the schema',
    'revoke usage on schema raw from raw_loader',
    {},
    [
      'grant usage on schema "raw" to "raw_loader";',
      'grant select, insert, update on all tables in schema "raw" to "raw_loader";',
    ],
  ],
  [
    'the tables',
    'revoke all on all tables in schema raw from raw_loader',
    {},
    [
      'grant usage on schema "raw" to "raw_loader";',
      'grant select, insert, update on all tables in schema "raw" to "raw_loader";',
    ],
  ],
  [
    'hard_delete',
    'select 1',
    { hard_delete: true },
    [
      'grant usage on schema "raw" to "raw_loader";',
      'grant select, insert, update, delete on all tables in schema "raw" to "raw_loader";',
    ],
  ],
  [
    'a new schema',
    'select 1',
    { default_target_schema: 'it"s' },
    [
      'create schema "it""s" authorization "raw_loader";',
      'grant create on database "warehouse" to "raw_loader";',
    ],
  ],
  [
    'a column that an older table lacks',
    'alter table raw.qb_invoices drop column page_size',
    {},
    ['alter table "raw"."qb_invoices" add column if not exists page_size integer;'],
  ],
])('the right to %s is named with the SQL that grants it', async (_, before, settings, wanted) => {
  await load(as('raw_owner'), first, { settings: { table_prefix: 'qb_' } })
  await ask(admin, before)
  const found = await schemas()
  // Columns show only when a stream comes.
  const isSeen = !before.startsWith('alter table')
  const tried = await tryOut('raw_loader', settings)
  expect([tried.code, tried.out]).toEqual([isSeen ? 5 : 0, ''])
  expect(remedies(tried.last)).toEqual(isSeen ? wanted : [])
  const denied = await run('raw_loader', everything, settings)
  expect(denied.code).toBe(5)
  expect(remedies(denied.last)).toEqual(wanted)
  expect(await schemas()).toEqual(found)
  for (const statement of wanted) await ask(admin, statement)
  expect(await tryOut('raw_loader', settings)).toMatchObject({ code: 0, out: '' })
  expect(await run('raw_loader', everything, settings)).toMatchObject({ code: 0 })
})

test('a row that a policy keeps out is no missing right', async () => {
  await load(as('raw_owner'), first, { settings: { table_prefix: 'qb_' } })
  await ask(
    admin,
    `alter table raw.qb_customers enable row level security;
     create policy small on raw.qb_customers using (true) with check (id::int < 5)`,
  )
  const messages = [schema('customers'), record('customers', { Id: 7 })]
  const denied = await run('raw_loader', messages)
  expect([denied.code, denied.last]).toEqual([
    5,
    expect.stringMatching(/row-level security.*42501/),
  ])
  expect(denied.last).not.toContain('grant')
  await ask(admin, 'alter table raw.qb_customers disable row level security')
})
