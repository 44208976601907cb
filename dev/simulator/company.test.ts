import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Client, connect, type Loose } from './client.ts'
import { generateTables } from './generate.ts'
import { type Simulator, startSimulator } from './index.ts'
import { rowText } from './table.ts'

const now = '2026-07-01T12:00:00Z'
let simulator: Simulator
let client: Client

beforeEach(async () => {
  simulator = await startSimulator({ invoices: 300, customers: 60, items: 30, limits: false })
  client = await connect(simulator)
  simulator.clock.freeze()
  simulator.clock.set(now)
})
afterEach(() => simulator.close())

const row = (entity: string, id: string) => JSON.parse(simulator.company.text(entity, id) as string)
const first = (entity: string) => simulator.company.ids(entity)[0] as string

test('the same seed gives the same company, digit for digit', async () => {
  const other = await startSimulator({ invoices: 300, customers: 60, items: 30 })
  expect(other.rows('Invoice')).toEqual(simulator.rows('Invoice'))
  await other.close()
})

test('numbers keep the scales of QuickBooks', () => {
  const text = simulator.rows('Invoice').join('\n')
  expect(text).toMatch(/"Amount":\d+\.\d0[,}]/)
  expect(text).toMatch(/"Amount":0[,}]/)
  expect(text).toMatch(/"UnitPrice":0\.\d{7}[,}]/)
  expect(text).not.toMatch(/"(Amount|TotalAmt|Balance|TotalTax)":-?\d+(\.\d)?[,}](?<!:0[,}])/)
  expect(text).not.toMatch(/"(UnitPrice|Qty|ExchangeRate)":\d+\.\d*0[,}]/)
})

test('invoices add up to the cent, voided ones to nothing', () => {
  const cents = (amount: number) => Math.round(amount * 100)
  for (const text of simulator.rows('Invoice')) {
    const invoice = JSON.parse(text)
    const of = (kind: string) => invoice.Line.filter((line: Loose) => line.DetailType === kind)
    const nested = of('GroupLineDetail').flatMap((line: Loose) => line.GroupLineDetail.Line)
    const sold = [...of('SalesItemLineDetail'), ...nested]
    const sum = (lines: Loose[]) => lines.reduce((total, line) => total + cents(line.Amount), 0)
    expect(sum(sold)).toBe(sum(of('SubTotalLineDetail')))
    const total = sum(sold) - sum(of('DiscountLineDetail')) + cents(invoice.TxnTaxDetail.TotalTax)
    expect(cents(invoice.TotalAmt)).toBe(total)
    if (invoice.PrivateNote === 'Voided') expect(invoice.TotalAmt).toBe(0)
  }
})

test('an edit moves LastUpdatedTime to now, steps SyncToken and changes the row', async () => {
  const id = first('Invoice')
  const before = row('Invoice', id)
  simulator.company.edit('Invoice', id)
  const after = row('Invoice', id)
  expect(after.MetaData.LastUpdatedTime).toBe('2026-07-01T05:00:00-07:00')
  expect(Number(after.SyncToken)).toBe(Number(before.SyncToken) + 1)
  expect(after.Line).not.toEqual(before.Line)
  expect(await client.ids('select * from Invoice maxresults 1')).toEqual([id])
})

test('set members keep the digits they are given', () => {
  const id = first('Invoice')
  const setText = { TotalAmt: '12345678901234567890.10', PrivateNote: '"\\u0000\\ud83d"' }
  simulator.company.edit('Invoice', id, { setText })
  const text = simulator.company.text('Invoice', id) as string
  expect(text).toContain('"TotalAmt":12345678901234567890.10,')
  expect(text).toContain('"PrivateNote":"\\u0000\\ud83d"')
  simulator.company.edit('Invoice', id, { set: { PrivateNote: 'again' } })
  expect(row('Invoice', id).MetaData.LastUpdatedTime).toBe('2026-07-01T05:00:00-07:00')
})

test('a touch moves LastUpdatedTime and leaves SyncToken', () => {
  const id = first('Customer')
  const before = row('Customer', id)
  simulator.company.touch('Customer', id)
  const after = row('Customer', id)
  expect(after.SyncToken).toBe(before.SyncToken)
  expect(after.MetaData.LastUpdatedTime).toBe('2026-07-01T05:00:00-07:00')
})

test('a void zeroes amounts and says so in PrivateNote, on generated and on edited rows', () => {
  const [one, two] = simulator.company.ids('Invoice').slice(100) as [string, string]
  simulator.company.edit('Invoice', two, { set: { PrivateNote: 'mine' } })
  for (const id of [one, two]) {
    simulator.company.void('Invoice', id)
    const invoice = row('Invoice', id)
    expect(invoice).toMatchObject({ TotalAmt: 0, Balance: 0, PrivateNote: 'Voided', LinkedTxn: [] })
    expect(invoice.TxnTaxDetail).toEqual({ TotalTax: 0 })
    expect(JSON.stringify(invoice.Line)).not.toContain('UnitPrice')
  }
})

test('a deactivated name gets a suffix and leaves plain queries', async () => {
  const [id] = await client.ids('select * from Customer maxresults 1')
  simulator.company.deactivate('Customer', id as string)
  expect(row('Customer', id as string)).toMatchObject({ Active: false })
  expect(row('Customer', id as string).DisplayName).toMatch(/ \(deleted\)$/)
  expect(await client.ids('select * from Customer maxresults 1000')).not.toContain(id)
  const all = 'select * from Customer where Active in (true,false) maxresults 1000'
  expect(await client.ids(all)).toContain(id)
})

test('a deleted invoice is gone from queries and reads', async () => {
  const id = first('Invoice')
  simulator.company.delete('Invoice', id)
  expect(await client.ids('select * from Invoice maxresults 1000')).not.toContain(id)
  const answer = await client.get(`invoice/${id}`)
  expect(answer.status).toBe(400)
  expect(await answer.text()).toContain(
    '{"Message":"Object Not Found","Detail":"Object Not Found : Something you\'re trying to use has been made inactive. Check the fields with accounts, customers, items, vendors or employees.","code":"610","element":""}',
  )
  expect(() => simulator.company.delete('Customer', first('Customer'))).toThrow(
    /only made inactive/,
  )
})

test('an inserted row can become visible late', async () => {
  const fresh = simulator.company.insert('Invoice')
  const late = simulator.company.insert('Invoice', { lastUpdatedTime: '2019-05-05T10:00:00Z' })
  expect(await client.ids('select * from Invoice maxresults 1')).toEqual([fresh])
  const day =
    "MetaData.LastUpdatedTime >= '2019-05-05T10:00:00Z' and MetaData.LastUpdatedTime <= '2019-05-05T10:00:00Z'"
  expect(await client.ids(`select * from Invoice where ${day}`)).toEqual([late])
  expect(await client.ids('select count(*) from Invoice')).toEqual([])
})

test('a merged customer vanishes and its winner is edited', async () => {
  const [loser, winner] = simulator.company.ids('Customer') as [string, string]
  simulator.company.merge('Customer', loser, winner)
  expect(simulator.company.text('Customer', loser)).toBeUndefined()
  expect(row('Customer', winner).MetaData.LastUpdatedTime).toBe('2026-07-01T05:00:00-07:00')
  expect(simulator.rows('Customer', true)).toEqual([
    `{"domain":"QBO","status":"Deleted","Id":"${loser}","MetaData":{"LastUpdatedTime":"2026-07-01T05:00:00-07:00"}}`,
  ])
})

test('one second can hold more rows than a page', async () => {
  const other = await startSimulator({ invoices: 3000, burst: 1500, bursts: 2, limits: false })
  const reader = await connect(other)
  const seconds = new Map<string, number>()
  for (const text of other.rows('Invoice')) {
    const time = JSON.parse(text).MetaData.LastUpdatedTime
    seconds.set(time, (seconds.get(time) ?? 0) + 1)
  }
  const full = [...seconds].filter(([, count]) => count > 1000)
  expect(full.length).toBeGreaterThan(0)
  const [time, count] = full[0] as [string, number]
  const clause = `MetaData.LastUpdatedTime = '${time}'`
  const answer = await reader.query(`select count(*) from Invoice where ${clause}`)
  expect(answer.body.QueryResponse.totalCount).toBe(count)
  await other.close()
})

test('single reads, company info and unknown resources answer as recorded', async () => {
  const id = first('Item')
  const text = simulator.company.text('Item', id)
  expect(await (await client.get(`item/${id}`)).text()).toMatch(/^\{"Item":\{"Name":/)
  expect(await (await client.get(`item/${id}`)).text()).toContain(text)
  const info = await client.get(`companyinfo/${simulator.config.realm_id}`)
  expect(Object.keys((await info.json()) as object)).toEqual(['CompanyInfo', 'time'])
  const invalid = await (await client.get('customer/1.5')).text()
  expect(invalid).toBe(
    '{"Fault":{"Error":[{"Message":"Invalid ID","Detail":"Id should be a valid number. Supplied value:1.5","code":"2030","element":"Id"}],"type":"ValidationFault"}}',
  )
  const unknown = await (await client.get('customer/1/5')).text()
  expect(unknown).toContain('"Message":"Unsupported Operation","Detail":"Operation Could not find')
})

test('200,000 invoices cost less than 40 MB', () => {
  const size = () => {
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return (heapUsed + arrayBuffers) / 1e6
  }
  const before = size()
  const { tables } = generateTables({
    seed: 1,
    invoices: 200_000,
    customers: 1000,
    items: 100,
    from: Date.UTC(2016, 0, 1) / 1000,
    to: Date.UTC(2026, 0, 1) / 1000,
    burst: 300,
    bursts: 2,
    multicurrency: true,
  })
  expect(size() - before).toBeLessThan(40)
  const invoices = tables.find(({ entity }) => entity.name === 'Invoice')
  expect(invoices?.live).toBe(200_000)
  expect(JSON.parse(rowText(invoices as NonNullable<typeof invoices>, 199_999)).domain).toBe('QBO')
})
