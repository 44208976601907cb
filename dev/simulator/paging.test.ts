import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Client, connect, type Loose } from './client.ts'
import { type Simulator, startSimulator } from './index.ts'

let simulator: Simulator
let client: Client

beforeAll(async () => {
  simulator = await startSimulator({
    seed: 3,
    invoices: 900,
    customers: 200,
    items: 60,
    burst: 150,
    limits: false,
  })
  client = await connect(simulator)
})
afterAll(() => simulator.close())

type Row = {
  Id: string
  MetaData: { LastUpdatedTime: string; CreateTime: string }
  [key: string]: Loose
}

async function rows(statement: string): Promise<Row[]> {
  const { body } = await client.query(statement)
  return (Object.values(body.QueryResponse).find(Array.isArray) ?? []) as Row[]
}

const time = (row: Row) => Date.parse(row.MetaData.LastUpdatedTime)

test('unsorted transactions come newest change first, equal seconds mirrored', async () => {
  const page = await rows('select * from Invoice maxresults 900')
  const sorted = [...page].sort((a, b) => time(b) - time(a) || Number(a.Id) - Number(b.Id))
  expect(page.map(({ Id }) => Id)).toEqual(sorted.map(({ Id }) => Id))
  expect(page).toHaveLength(900)
})

test('sorted by LastUpdatedTime, equal seconds come by Id descending', async () => {
  const page = await rows('select * from Invoice orderby MetaData.LastUpdatedTime maxresults 900')
  const sorted = [...page].sort((a, b) => time(a) - time(b) || Number(b.Id) - Number(a.Id))
  expect(page.map(({ Id }) => Id)).toEqual(sorted.map(({ Id }) => Id))
  const perSecond = new Map<number, number>()
  for (const row of page) perSecond.set(time(row), (perSecond.get(time(row)) ?? 0) + 1)
  expect(Math.max(...perSecond.values())).toBeGreaterThanOrEqual(150)
  for (const row of page)
    expect(time(row)).toBeGreaterThanOrEqual(Date.parse(row.MetaData.CreateTime))
})

test('order by id is numeric', async () => {
  const ids = await client.ids('select * from Invoice order by id maxresults 900')
  expect(ids).toEqual([...ids].sort((a, b) => Number(a) - Number(b)))
})

test('unsorted customers come by FullyQualifiedName, characters compared as they are', async () => {
  const names = (await rows('select * from Customer maxresults 1000')).map(
    (row) => row.FullyQualifiedName as string,
  )
  expect(names).toEqual([...names].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)))
  expect(names.some((name) => name.includes(':'))).toBe(true)
})

test('inactive names are hidden unless the query says Active', async () => {
  const all = await rows('select * from Customer where Active in (true,false) maxresults 1000')
  const active = await rows('select * from Customer maxresults 1000')
  const inactive = await rows('select * from Customer where Active = false maxresults 1000')
  expect(all).toHaveLength(200)
  expect(inactive.length).toBeGreaterThan(0)
  expect(active.length + inactive.length).toBe(200)
  expect(inactive.every((row) => row.DisplayName.endsWith(' (deleted)'))).toBe(true)
})

test('totalCount is the page count of invoices and absent for customers and items', async () => {
  const invoices = await client.query('select * from Invoice maxresults 20')
  expect(invoices.text).toMatch(/\],"startPosition":1,"maxResults":20,"totalCount":20\},"time":"/)
  const items = await client.query('select * from Item startposition 2 maxresults 3')
  expect(items.text).toMatch(/\],"startPosition":2,"maxResults":3\},"time":"/)
})

test('an empty page has no array and no counters, a count has only its total', async () => {
  expect((await client.query('select * from Invoice startposition 901')).text).toMatch(
    /^\{"QueryResponse":\{\},"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}-0[78]:00"\}$/,
  )
  expect((await client.query('select * from Bill')).text).toMatch(/^\{"QueryResponse":\{\},/)
  expect((await client.query('select count(*) from Invoice')).body.QueryResponse).toEqual({
    totalCount: 900,
  })
})

test('a projection gives sparse rows with the named members', async () => {
  const [row] = await rows('select Name, MetaData.LastUpdatedTime from Item maxresults 1')
  expect(Object.keys(row as Row)).toEqual(['Name', 'domain', 'sparse', 'Id', 'MetaData'])
  expect(row?.sparse).toBe(true)
  expect(Object.keys((row as Row).MetaData)).toEqual(['LastUpdatedTime'])
})

test('filters work on references, amounts, dates, types, LIKE and IN', async () => {
  const [some] = await rows("select * from Invoice where TotalAmt > '900.5' maxresults 1")
  expect(some?.TotalAmt).toBeGreaterThan(900.5)
  const mine = await rows(
    `select * from Invoice where CustomerRef = '${some?.CustomerRef.value}' maxresults 900`,
  )
  expect(mine.every((row) => row.CustomerRef.value === some?.CustomerRef.value)).toBe(true)
  const dated = await rows(
    "select * from Invoice where TxnDate >= '2020-01-01' and TxnDate < '2020-02-01'",
  )
  expect(dated.every((row) => row.TxnDate.startsWith('2020-01'))).toBe(true)
  const kinds = new Set((await rows('select * from Item maxresults 1000')).map((row) => row.Type))
  expect([...kinds].sort()).toEqual(['Category', 'Group', 'Inventory', 'NonInventory', 'Service'])
  expect(await client.ids("select * from Invoice where DocNumber like '10%1'")).not.toHaveLength(0)
  const two = (await rows('select * from Customer maxresults 2')).map(({ Id }) => Id)
  const found = await client.ids(`select * from Customer where Id in ('${two.join("','")}')`)
  expect(found).toEqual(two)
})

test('a fraction of a second and a bare date bound LastUpdatedTime exactly', async () => {
  const [row] = await rows('select * from Invoice orderby MetaData.LastUpdatedTime maxresults 1')
  const instant = new Date(time(row as Row)).toISOString()
  const after = instant.replace('.000Z', '.001Z')
  const where = (clause: string) =>
    client.query(`select count(*) from Invoice where MetaData.LastUpdatedTime ${clause}`)
  expect((await where(`>= '${instant}'`)).body.QueryResponse.totalCount).toBe(900)
  expect((await where(`>= '${after}'`)).body.QueryResponse.totalCount).toBeLessThan(900)
  expect((await where(`< '${instant}'`)).body.QueryResponse.totalCount).toBe(0)
  expect((await where(`< '2010-01-01'`)).body.QueryResponse.totalCount).toBe(0)
})

// Both ways of reading all invoices of the past while one row of the first page is edited.
async function readWhileEdited(next: (page: Row[], read: number) => string): Promise<Set<string>> {
  const other = await startSimulator({ seed: 4, invoices: 500, burst: 0, limits: false })
  try {
    const reader = await connect(other)
    const [victim] = await reader.ids(
      'select * from Invoice orderby MetaData.LastUpdatedTime maxresults 1',
    )
    other.script.add({
      afterRequests: 1,
      edits: [{ action: 'edit', entity: 'Invoice', id: victim as string }],
    })
    const seen = new Set<string>()
    let page: Row[] = []
    let read = 0
    do {
      const { body } = await reader.query(next(page, read))
      page = body.QueryResponse.Invoice ?? []
      read += page.length
      for (const { Id } of page) seen.add(Id)
    } while (page.length === 100)
    return seen
  } finally {
    await other.close()
  }
}

test('offset paging loses a row when an earlier one is edited, keyset paging loses none', async () => {
  const past = `MetaData.LastUpdatedTime < '2026-01-01T00:00:00Z' orderby MetaData.LastUpdatedTime`
  const byOffset = await readWhileEdited(
    (_, read) => `select * from Invoice where ${past} startposition ${read + 1} maxresults 100`,
  )
  expect(byOffset.size).toBe(499)
  const byKey = await readWhileEdited((page) => {
    const last = page.at(-1)?.MetaData.LastUpdatedTime ?? '2000-01-01T00:00:00Z'
    return `select * from Invoice where MetaData.LastUpdatedTime >= '${last}' and ${past} maxresults 100`
  })
  expect(byKey.size).toBe(500)
})
