import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Client, connect, type Loose } from './client.ts'
import { type Simulator, startSimulator } from './index.ts'

let simulator: Simulator
let client: Client

beforeEach(async () => {
  simulator = await startSimulator({ invoices: 1200, customers: 300, items: 30, limits: false })
  client = await connect(simulator)
  simulator.clock.freeze()
  simulator.clock.set('2026-07-01T12:00:00Z')
})
afterEach(() => simulator.close())

async function changes(entities: string, since: string) {
  const answer = await client.get(
    `cdc?entities=${entities}&changedSince=${encodeURIComponent(since)}`,
  )
  const text = await answer.text()
  return {
    status: answer.status,
    text,
    blocks: JSON.parse(text).CDCResponse?.[0].QueryResponse as Loose[],
  }
}

test('blocks come in the order asked, rows ascending, deletions among them, {} for nothing', async () => {
  const { company, clock } = simulator
  const [one, two, three] = company.ids('Invoice') as [string, string, string]
  company.edit('Invoice', one)
  clock.advance(10)
  company.delete('Invoice', two)
  clock.advance(10)
  company.edit('Invoice', three)
  const { blocks, text } = await changes('Item,Invoice', '2026-07-01T00:00:00-07:00')
  expect(blocks[0]).toEqual({})
  expect(blocks[1].Invoice.map((row: Loose) => row.Id)).toEqual([one, two, three])
  expect(blocks[1]).toMatchObject({ startPosition: 1, maxResults: 3, totalCount: 3 })
  expect(text).toContain(
    `{"domain":"QBO","status":"Deleted","Id":"${two}","MetaData":{"LastUpdatedTime":"2026-07-01T05:00:10-07:00"}}`,
  )
  expect(text).toMatch(/^\{"CDCResponse":\[\{"QueryResponse":\[\{\},\{"Invoice":\[\{/)
  expect(text).toMatch(
    /\}\],"startPosition":1,"maxResults":3,"totalCount":3\}\]\}\],"time":"[^"]+"\}$/,
  )
})

test('a block of deletions only has no startPosition', async () => {
  simulator.company.delete('Invoice', simulator.company.ids('Invoice')[0] as string)
  const { blocks } = await changes('Invoice', '2026-07-01')
  expect(Object.keys(blocks[0])).toEqual(['Invoice', 'maxResults', 'totalCount'])
})

test('1000 objects are the most in an answer, silently, or for each entity by a switch', async () => {
  const total = await changes('Invoice,Customer', '2015-01-01')
  expect(total.blocks[0].Invoice).toHaveLength(1000)
  expect(total.blocks[1]).toEqual({})
  simulator.switches.cdcCapPer = 'entity'
  const each = await changes('Invoice,Customer', '2015-01-01')
  expect([each.blocks[0].Invoice.length, each.blocks[1].Customer.length]).toEqual([1000, 300])
})

test('deletions are forgotten after 30 days, and a changedSince before that can be refused', async () => {
  simulator.company.delete('Invoice', simulator.company.ids('Invoice')[0] as string)
  simulator.clock.advance(31 * 86_400)
  expect((await changes('Invoice', '2026-06-30')).blocks[0]).toEqual({})
  simulator.switches.cdcOld = 'fault'
  expect((await changes('Invoice', '2026-06-30')).status).toBe(400)
})

test('entities that change data capture does not know are refused', async () => {
  expect((await changes('TimeActivity', '2026-07-01')).status).toBe(400)
})
