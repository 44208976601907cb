import { readFileSync } from 'node:fs'
import { execa } from 'execa'
import { beforeAll, expect, test } from 'vitest'
import { createPipeline, TARGET } from './pipeline.ts'

type Line = {
  Amount?: number
  DetailType?: string
  SalesItemLineDetail?: { ItemRef: { value: string }; Qty?: number }
  GroupLineDetail?: { Line: Line[] }
}
type Reference = { value: string }
type Invoice = {
  Id: string
  DocNumber: string
  TotalAmt: number
  Balance: number
  ExchangeRate?: number
  TxnDate: string
  DueDate: string
  CurrencyRef: Reference
  CustomerRef: Reference
  BillAddr: { Id: string }
  ShipAddr?: { Id: string }
  LinkedTxn: { TxnId: string; TxnType: string }[]
  Line: Line[]
  MetaData: { CreateTime: string; LastUpdatedTime: string }
}

const queries = readFileSync(
  new URL('../../target-postgres-raw/queries.sql', import.meta.url),
  'utf8',
).split(/;\n/)

/** Whole millionths: what the company's numbers are made of, at the most. */
const whole = (number: number | undefined) => BigInt(Math.round((number ?? 0) * 1e6))
const total = (numbers: (number | undefined)[]) =>
  numbers.reduce((sum, number) => sum + whole(number), 0n)

function group<Item>(items: Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}

beforeAll(() => expect(queries.filter((query) => query.trim() !== '')).toHaveLength(4))

test('the views and the ready queries say of a company what its rows say', async () => {
  const pipeline = await createPipeline({ invoices: 600, customers: 80, items: 60 })
  const { simulator, database } = pipeline
  expect((await pipeline.run()).exitCode).toBe(0)
  // Something is new, edited and deleted, and the deleted invoice is the last one of its kind.
  simulator.clock.advance(120)
  const { company } = simulator
  const [edited, gone] = company.ids('Invoice') as [string, string]
  company.edit('Invoice', edited)
  company.delete('Invoice', gone)
  const made = company.insert('Invoice')
  company.edit('Item', company.ids('Item')[0] as string)
  simulator.clock.advance(120)
  expect((await pipeline.run()).exitCode).toBe(0)
  await execa(TARGET, ['views', '--config', pipeline.targetConfig])

  const rowsOf = (entity: string) =>
    simulator.rows(entity).map((row) => JSON.parse(row) as Record<string, unknown>)
  const invoices = rowsOf('Invoice') as unknown as Invoice[]
  const items = new Map(rowsOf('Item').map((item) => [item.Id, item.FullyQualifiedName]))
  await database.query('begin')
  const ask = async (sql: string) => (await database.query(sql)).rows
  const [now] = await ask(
    'select current_date::text as today, extract(epoch from now())::float8 as seconds',
  )

  // Sums, lines, links and addresses.
  const [sums] = await ask(
    `select count(*)::int, (sum(total_amount) * 1000000)::bigint::text as total,
            count(*) filter (where _fivetran_deleted)::int as deleted
       from quickbooks.invoice`,
  )
  expect(sums).toMatchObject({ count: 601, deleted: 1 })
  const [live] = await ask(
    `select (sum(total_amount) * 1000000)::bigint::text as total, count(distinct customer_id)::int as customers
       from quickbooks.invoice where not _fivetran_deleted`,
  )
  expect(live).toEqual({
    total: String(total(invoices.map((one) => one.TotalAmt))),
    customers: new Set(invoices.map((one) => one.CustomerRef.value)).size,
  })
  const lines = invoices.flatMap((one) => one.Line)
  const inBundles = lines.flatMap((line) => line.GroupLineDetail?.Line ?? [])
  expect(inBundles.length).toBeGreaterThan(0)
  for (const [view, found] of [
    ['invoice_line', lines],
    ['invoice_line_bundle', inBundles],
  ] as const)
    expect(
      await ask(
        `select count(*)::int, (sum(amount) * 1000000)::bigint::text as total
           from quickbooks.${view} where not _fivetran_deleted`,
      ),
    ).toEqual([{ count: found.length, total: String(total(found.map((line) => line.Amount))) }])
  const links = invoices.flatMap((one) => one.LinkedTxn)
  expect(
    await ask(
      `select count(*)::int, count(payment_id)::int as payments, count(estimate_id)::int as estimates
         from quickbooks.invoice_linked_txn where not _fivetran_deleted`,
    ),
  ).toEqual([
    {
      count: links.length,
      payments: links.filter((link) => link.TxnType === 'Payment').length,
      estimates: links.filter((link) => link.TxnType === 'Estimate').length,
    },
  ])
  const addresses = new Set(
    [...invoices, ...(rowsOf('Customer') as unknown as Invoice[])].flatMap((one) =>
      [one.BillAddr?.Id, one.ShipAddr?.Id].filter((id) => id !== undefined),
    ),
  )
  expect(
    await ask(
      `select count(*)::int, count(distinct id)::int as ids from quickbooks.address
        where not _fivetran_deleted`,
    ),
  ).toEqual([{ count: addresses.size, ids: addresses.size }])
  expect(
    await ask(
      `select count(*)::int from quickbooks.invoice i
        left join quickbooks.address b on b.id = i.billing_address_id
        left join quickbooks.address s on s.id = i.shipping_address_id
       where not i._fivetran_deleted
         and (b.id is null or s.id is null and i.shipping_address_id is not null)`,
    ),
  ).toEqual([{ count: 0 }])

  // Open invoices by age.
  const days = (date: string) => (Date.parse(now.today) - Date.parse(date)) / 86_400_000
  const ageOf = (age: number) =>
    age <= 0
      ? 'not due yet'
      : age > 90
        ? 'over 90 days'
        : (['1 to 30 days', '31 to 60 days', '61 to 90 days'][Math.ceil(age / 30) - 1] as string)
  const open = group(
    invoices.filter((one) => one.Balance !== 0),
    (one) => `${one.CurrencyRef.value} ${ageOf(days(one.DueDate))}`,
  )
  const ages = await ask(queries[0] as string)
  expect(new Map(ages.map((row) => [`${row.currency_id} ${row.overdue}`, row]))).toEqual(
    new Map(
      [...open].map(([key, ones]) => [
        key,
        expect.objectContaining({
          invoices: String(ones.length),
          balance: (Number(total(ones.map((one) => one.Balance))) / 1e6).toFixed(2),
        }),
      ]),
    ),
  )

  // Revenue by month and item.
  const sold = invoices.flatMap((one) =>
    one.Line.flatMap((line) => line.GroupLineDetail?.Line ?? line)
      .filter((line) => line.SalesItemLineDetail !== undefined)
      .map((line) => ({ one, line, item: line.SalesItemLineDetail?.ItemRef.value as string })),
  )
  const revenue = await ask(queries[1] as string)
  expect(new Map(revenue.map((row) => [`${row.month} ${row.item_id}`, row]))).toEqual(
    new Map(
      [...group(sold, ({ one, item }) => `${one.TxnDate.slice(0, 7)} ${item}`)].map(
        ([key, parts]) => {
          const exact = parts.reduce(
            (sum, { one, line }) => sum + whole(line.Amount) * whole(one.ExchangeRate ?? 1),
            0n,
          )
          const item = parts[0]?.item as string
          return [
            key,
            expect.objectContaining({
              item: items.get(item) ?? item,
              revenue: (Number((exact + 5_000_000_000n) / 10_000_000_000n) / 100).toFixed(2),
            }),
          ]
        },
      ),
    ),
  )

  // What changed since yesterday.
  const since = now.seconds - 86_400
  const seconds = (time: string) => Date.parse(time) / 1000
  const changed = ['Invoice', 'Customer', 'Item'].flatMap((entity) =>
    (rowsOf(entity) as unknown as Invoice[])
      .filter((one) => seconds(one.MetaData.LastUpdatedTime) >= since)
      .map((one) => {
        const isNew = seconds(one.MetaData.CreateTime) >= since
        return `${entity.toLowerCase()} ${one.Id} ${isNew ? 'new' : 'changed'}`
      }),
  )
  const recent = (await ask(queries[2] as string)).map(
    ({ kind, id, what }) => `${kind} ${id} ${what}`,
  )
  expect(recent.sort()).toEqual([...changed, `invoice ${gone} deleted`].sort())
  expect(recent).toEqual(
    expect.arrayContaining([`invoice ${edited} changed`, `invoice ${made} new`]),
  )

  // Rows per window, as the tap counts them.
  const windows = await ask(queries[3] as string)
  const { stdout } = await execa(TARGET, ['count', '--config', pipeline.targetConfig])
  const counted = stdout
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter((line) => line.stream === 'invoices')
  const kept = windows.filter((row) => row.rows !== '0')
  expect(kept.map((row) => Number(row.rows))).toEqual(counted.map((line) => line.rows))
  expect(windows.reduce((sum, row) => sum + Number(row.rows) + Number(row.deleted), 0)).toBe(601)
})
