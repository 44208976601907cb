import pg from 'pg'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { ask } from '../../dev/postgres.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { start } from '../fixtures/program.ts'
import { load, record, schema } from '../fixtures/trial.ts'

let database: string

beforeEach(async () => {
  database = await testDatabase()
})

function run(flags: string[] = [], settings: Record<string, unknown> = {}) {
  const all = { connection_string: database, backoff_seconds: 0.01, ...settings }
  return start(['views', ...flags], all).ended
}

const loadInvoice = (settings = {}) =>
  load(database, [schema('invoices'), record('invoices', { Id: '1', TotalAmt: 1 })], { settings })
const total = async (view = 'quickbooks.invoice') =>
  (await ask(database, `select sum(total_amount)::text as total from ${view}`))[0]?.total

/** A record as text, so that the test says to the letter what is in it. */
const line = (id: string, members: string) =>
  `{"type":"RECORD","stream":"invoices","record":{"Id":"${id}",${members}}}`

test.each(['jsonb', 'json'] as const)(
  'malformed values are null and no error, decimals exact (payload_type %s)',
  async (payload_type) => {
    const bad = [
      '"abc"',
      '"1e999999"',
      '{}',
      '[1]',
      'null',
      'true',
      '"NaN"',
      '"1 2"',
      '""',
      '"-"',
      '"."',
    ]
    const days = [
      '"2023-02-29"',
      '"2024-13-01"',
      '"1900-02-29"',
      '"yesterday"',
      '20240101',
      '"2024-04-31"',
      '"0000-01-01"',
      '"infinity"',
      '"2024-01-01x"',
    ]
    const instants = [
      '"2024-01-01T24:00:00Z"',
      '"2024-01-01T10:00:00"',
      '"2024-02-30T10:00:00Z"',
      '"now"',
      '17',
      '"2024-01-01T10:00:00+99:00"',
    ]
    const digits = '12345678901234567890.1234567890'
    const lines = [
      ...bad.map((value, index) => line(`n${index}`, `"TotalAmt":${value}`)),
      ...days.map((value, index) => line(`d${index}`, `"TxnDate":${value}`)),
      ...instants.map((value, index) => line(`t${index}`, `"MetaData":{"CreateTime":${value}}`)),
      line(
        'm',
        '"MetaData":"x","CurrencyRef":"USD","BillAddr":[],"CustomField":{},"LinkedTxn":"x","Line":{"a":1}',
      ),
      line('l', '"Line":["x",null,{"Amount":"y","GroupLineDetail":{"Line":7}}],"LinkedTxn":[1]'),
      line(
        'g1',
        `"TotalAmt":${digits},"Balance":-1.10,"TxnDate":"2024-02-29","DueDate":"2024-12-31T23:59:59-08:00"`,
      ),
      line(
        'g2',
        '"TotalAmt":"1.50","Balance":1E+2,"MetaData":{"CreateTime":"2024-01-01T00:00:00.5+05:30"}',
      ),
      line(
        'u',
        String.raw`"TotalAmt":3,"PrivateNote":"a\u0000b\ud83d\ude00\ud800c\\u0000\\\udc00\"","DocNumber":"é"`,
      ),
      ...(payload_type === 'json' ? [line('big', '"TotalAmt":1e200000,"DocNumber":"9"')] : []),
      line('e', '"TotalAmt":4,"DocNumber":"x: 1e20000"'),
    ]
    const { code } = await load(database, [schema('invoices'), ...lines], {
      settings: { payload_type },
    })
    expect([code, (await run()).code]).toEqual([0, 0])
    const rows = await ask(
      database,
      `select id, total_amount::text as total, balance::text as balance, transaction_date::text as day, due_date::text as due,
              created_at at time zone 'UTC' || '' as created, private_note as note, doc_number as number
         from quickbooks.invoice`,
    )
    expect(rows).toHaveLength(lines.length)
    const filled = rows
      .map((row) => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)))
      .filter((row) => Object.keys(row).length > 1)
      .sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1))
    expect(filled).toEqual([
      { id: 'e', total: '4', number: 'x: 1e20000' },
      { id: 'g1', total: digits, balance: '-1.10', day: '2024-02-29', due: '2024-12-31' },
      { id: 'g2', total: '1.50', balance: '100', created: '2023-12-31 18:30:00.5' },
      { id: 'u', total: '3', note: 'a\ufffdb😀\ufffdc\\u0000\\\ufffd"', number: 'é' },
    ])
    for (const [view, count] of Object.entries({
      invoice_line: 3,
      invoice_line_bundle: 0,
      invoice_linked_txn: 1,
      address: 0,
    }))
      expect(await ask(database, `select * from quickbooks.${view}`)).toHaveLength(count)
  },
)

test('made anew, the views keep what depends on them and the rights of others', async () => {
  await loadInvoice()
  expect(await run()).toMatchObject({ code: 0, out: '' })
  await ask(
    database,
    `create view public.mine as select id, total_amount from quickbooks.invoice;
     grant select on quickbooks.invoice, quickbooks.address to public`,
  )
  const before = await ask(database, SELECT_VIEWS)
  const again = await run()
  expect(again.code).toBe(0)
  expect(again.log).toContain('schema quickbooks has the views invoice, ')
  expect(again.log).toMatch(/INFO left out, .*: customer \(customers\), item \(items\)/)
  expect(await ask(database, SELECT_VIEWS)).toEqual(before)
  expect(await total('public.mine')).toBe('1')

  // As an earlier version may have left them.
  await ask(
    database,
    `drop view quickbooks.address; create view quickbooks.address as select 1 as other;
     grant select on quickbooks.address to public;
     comment on view quickbooks.address is 'target-postgres-raw views of "raw"."…"'`,
  )
  expect((await run()).code).toBe(0)
  expect(await ask(database, SELECT_VIEWS)).toEqual(before)
})

test('views whose columns change are not taken from under what depends on them', async () => {
  await loadInvoice()
  await run()
  await ask(
    database,
    `drop view quickbooks.invoice; create view quickbooks.invoice as select 1 as other;
     comment on view quickbooks.invoice is 'target-postgres-raw views of "raw"."…"';
     create view public.mine as select other from quickbooks.invoice`,
  )
  const { code, log } = await run()
  expect(code).toBe(5)
  expect(log).toContain('view public.mine depends on view quickbooks.invoice')
  expect(log).toContain('Drop what depends on the views, run this again')
  expect(log).not.toContain('CASCADE')
  expect(await ask(database, 'select * from public.mine')).toEqual([{ other: 1 }])
})

test('what is not ours is not replaced, nor the views of another prefix', async () => {
  await loadInvoice()
  await loadInvoice({ table_prefix: 'qb_' })
  await ask(
    database,
    'create schema taken; create table taken.invoice (a int); create view taken.address as select 1 as a',
  )
  const taken = await run(['--schema', 'taken'])
  expect(taken.code).toBe(5)
  expect(taken.log).toContain('"taken"."address" stands there already and is not of this program')
  expect(taken.log).toContain('"taken"."invoice" stands')
  expect(await ask(database, SELECT_VIEWS)).toEqual([
    expect.objectContaining({ view: 'taken.address' }),
  ])

  expect((await run()).code).toBe(0)
  const other = await run([], { table_prefix: 'qb_' })
  expect(other.code).toBe(5)
  expect(other.log).toContain('"quickbooks"."invoice" is a view of other tables ("raw"."…")')
  expect((await run(['--schema', 'Other "books"'], { table_prefix: 'qb_' })).code).toBe(0)
  expect(await total('"Other ""books""".invoice')).toBe('1')
})

test('--print prints the SQL that makes the same views, for another role, and changes nothing', async () => {
  await loadInvoice({ table_prefix: 'qb_' })
  const settings = { table_prefix: 'qb_' }
  const { code, out, log } = await run(['--print'], settings)
  expect([code, log.includes('has the views')]).toEqual([0, false])
  expect(await ask(database, SELECT_VIEWS)).toEqual([])
  await ask(database, out)
  const printed = await ask(database, SELECT_VIEWS)
  expect(printed.length).toBeGreaterThan(3)
  expect(await total()).toBe('1')
  expect((await run([], settings)).code).toBe(0)
  expect(await ask(database, SELECT_VIEWS)).toEqual(printed)
})

test('a reader needs the views alone; who makes them gets the SQL for a missing right', async () => {
  await loadInvoice()
  const role = `views_${new URL(database).pathname.slice(1)}`
  await ask(database, `create role ${role} login password 'views-password'`)
  onTestFinished(async () => {
    await ask(database, `drop owned by ${role}; drop role ${role}`)
  })
  const as = new URL(database)
  as.username = role
  as.password = 'views-password'
  const settings = { connection_string: as.href }
  const name = pg.escapeIdentifier(as.pathname.slice(1))
  expect((await run([], settings)).log).toMatch(
    /CRITICAL cannot make .*grant usage on schema "raw"/,
  )
  await ask(
    database,
    `grant usage on schema raw to ${role}; grant select on raw._singer_streams to ${role}`,
  )
  expect((await run([], settings)).log).toMatch(/create schema "quickbooks" authorization/)
  await ask(database, `grant create on database ${name} to ${role}`)
  const blind = await run([], settings)
  expect(blind.log).toMatch(/permission denied for table invoices.*grant select on all tables/)
  expect(await ask(database, SELECT_VIEWS)).toEqual([])

  expect((await run()).code).toBe(0)
  await ask(
    database,
    `grant usage on schema quickbooks to ${role}; grant select on quickbooks.invoice to ${role}`,
  )
  expect(await ask(as.href, 'select id from quickbooks.invoice')).toEqual([{ id: '1' }])
})

test('it says what is missing, and explains itself', async () => {
  const nothing = await run()
  expect([nothing.code, nothing.log]).toEqual([
    1,
    expect.stringContaining("schema 'raw' has no tables"),
  ])
  await load(database, [schema('users'), record('users', { Id: 1 })])
  const others = await run()
  expect(others.code).toBe(1)
  expect(others.log).toContain(
    "no stream of QuickBooks has a table in schema 'raw' with the table_prefix ''",
  )
  expect(others.log).toMatch(/CRITICAL .*table_prefix/)
  const long = await run(['--schema', 'é'.repeat(32)])
  expect([long.code, long.log]).toEqual([1, expect.stringContaining('--schema: must be a name')])
  const help = await run(['--help'])
  expect([help.code, help.out]).toEqual([0, expect.stringMatching(/--schema[\s\S]*--print/)])
})

test('an ingestion time without a zone, of a table that stood before, is UTC', async () => {
  await ask(
    database,
    `create schema raw; create table raw.invoices (id text primary key, payload jsonb, ingested_at_utc timestamp);
     insert into raw.invoices values ('old', '{"TotalAmt": 2}', '2024-01-01 12:00')`,
  )
  await loadInvoice()
  expect((await run()).code).toBe(0)
  expect(
    await ask(
      database,
      "select _fivetran_synced = '2024-01-01 12:00Z' as same from quickbooks.invoice where id = 'old'",
    ),
  ).toEqual([{ same: true }])
})

const SELECT_VIEWS = `
select table_schema || '.' || table_name as view, view_definition, c.relacl::text, obj_description(c.oid) as comment
  from information_schema.views
  join pg_class c on c.oid = format('%I.%I', table_schema, table_name)::regclass
 where table_schema not in ('pg_catalog', 'information_schema', 'public') order by 1`
