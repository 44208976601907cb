import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { connect } from './client.ts'
import { type Simulator, type SimulatorOptions, startSimulator } from './index.ts'

let simulator: Simulator
const start = async (options: SimulatorOptions) => {
  simulator = await startSimulator({ limits: false, ...options })
  return connect(simulator)
}
afterEach(() => simulator.close())

const control = async (path: string, body?: unknown) => {
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
  const answer = await fetch(`${simulator.baseUrl}/_simulator/${path}`, init)
  return { status: answer.status, text: await answer.text() }
}

test('other processes script, edit and look on over HTTP', async () => {
  const client = await start({ invoices: 50 })
  const id = simulator.company.ids('Invoice')[0] as string
  expect(
    (
      await control('script', [
        { status: 503 },
        { afterRequests: 2, edits: [{ action: 'delete', entity: 'Invoice', id }] },
      ])
    ).status,
  ).toBe(200)
  expect((await client.send('select * from Invoice')).status).toBe(503)
  expect(await client.ids('select * from Invoice')).toContain(id)
  expect(await client.ids('select * from Invoice')).not.toContain(id)
  const inserted = await control('edit', { action: 'insert', entity: 'Invoice', count: 3 })
  expect(JSON.parse(inserted.text).ids).toHaveLength(3)
  expect((await control('edit', { action: 'edit', entity: 'Invoice', id: '999999' })).status).toBe(
    400,
  )
  const lines = (await control('rows?entity=Invoice')).text.trimEnd().split('\n')
  expect(lines).toEqual(simulator.rows('Invoice'))
  expect((await control('rows?entity=Invoice&deleted=1')).text).toContain(`"Id":"${id}"`)
  const stats = JSON.parse((await control('stats')).text)
  expect(stats.metered).toEqual({ total: 2, byEndpoint: { query: 2 }, byEntity: { Invoice: 2 } })
  expect(stats).toMatchObject({
    dataRequests: 3,
    statuses: { 200: 3, 503: 1 },
    rows: { Invoice: 99 },
  })
  const log = JSON.parse((await control('log')).text)
  expect(log.at(-1)).toMatchObject({
    query: 'select * from Invoice',
    status: 200,
    rows: 49,
    metered: true,
  })
  await control('clock', { freeze: true, set: '2026-02-02T00:00:00Z' })
  expect(JSON.parse((await control('clock')).text)).toEqual({ now: '2026-02-02T00:00:00.000Z' })
  await control('switches', { cdcCap: 5, limits: { perSecond: 3 } })
  expect(simulator.switches).toMatchObject({ cdcCap: 5, limits: { perSecond: 3, body: 'xml' } })
  expect((await control('nothing')).status).toBe(404)
})

test('rows served are the rows listed, digit for digit', async () => {
  const client = await start({ invoices: 120 })
  const { text } = await client.query(
    'select * from Invoice orderby MetaData.LastUpdatedTime maxresults 1000',
  )
  expect(text).toContain(`{"QueryResponse":{"Invoice":[${simulator.rows('Invoice').join(',')}],`)
})

test('a folder of recorded JSON is served with its digits, newest of each Id', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'recorded-'))
  mkdirSync(join(folder, 'more'))
  const meta = (time: string) =>
    `"MetaData":{"CreateTime":"2020-01-01T00:00:00-08:00","LastUpdatedTime":"${time}"}`
  writeFileSync(
    join(folder, 'a.json'),
    `{"QueryResponse": {"Item": [{"Name": "Bolt", "Active": true, "UnitPrice": 1.10, "Id": "2", "SyncToken": "0", ${meta('2020-01-02T00:00:00-08:00')}}], "startPosition": 1}, "time": "x"}`,
  )
  writeFileSync(
    join(folder, 'more', 'invoices.json'),
    `[{"Id": "7", "SyncToken": "0", "TotalAmt": 100.00, "Big": 12345678901234567890.10, ${meta('2020-03-01T00:00:00-08:00')}},
      {"Id": "7", "SyncToken": "1", "TotalAmt": 90.50, "Big": 1e400, ${meta('2020-04-01T00:00:00-07:00')}}]`,
  )
  writeFileSync(
    join(folder, 'one.json'),
    `[{"DisplayName": "Zoë \\u0026 Co", "Balance": 0, "BalanceWithJobs": 0, "Active": false, "Id": "3", "SyncToken": "0", ${meta('2020-01-05T00:00:00-08:00')}}]`,
  )
  const client = await start({ data: folder })
  rmSync(folder, { recursive: true })
  expect(simulator.config.start_date).toBe('2020-01-02T00:00:00Z')
  expect((await client.query('select * from Item')).text).toContain(
    `{"Item":[{"Name":"Bolt","Active":true,"UnitPrice":1.10,"Id":"2","SyncToken":"0",${meta('2020-01-02T00:00:00-08:00')}}]`,
  )
  expect((await client.send("select * from Invoice where TotalAmt < '91'")).status).toBe(200)
  expect(simulator.rows('Invoice')).toEqual([
    `{"Id":"7","SyncToken":"1","TotalAmt":90.50,"Big":1e400,${meta('2020-04-01T00:00:00-07:00')}}`,
  ])
  expect(await client.ids('select * from Customer')).toEqual([])
  expect(await client.ids('select * from Customer where Active in (true,false)')).toEqual(['3'])
  simulator.company.edit('Invoice', '7', { setText: { TotalAmt: '1.10' } })
  expect(simulator.company.text('Invoice', '7')).toMatch(
    /"SyncToken":"2","TotalAmt":1\.10,"Big":1e400/,
  )
})

test('statements are also taken by POST', async () => {
  const { token } = await start({ invoices: 5 })
  const { base_url, realm_id } = simulator.config
  const post = (type: string, body: string) =>
    fetch(`${base_url}/v3/company/${realm_id}/query`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': type },
      body,
    })
  expect((await post('application/text', 'select * from Invoice')).status).toBe(200)
  const form = 'query=select+*+from+Invoice'
  expect((await post('application/x-www-form-urlencoded', form)).status).toBe(200)
})

test('the realm is longer than a number can hold', async () => {
  await start({})
  expect(simulator.config.realm_id).toMatch(/^\d{16}$/)
  expect(String(Number(simulator.config.realm_id))).not.toBe(simulator.config.realm_id)
})

test('a switch that there is not, or a value that it does not take, is refused with those that there are', async () => {
  await start({ invoices: 1 })
  for (const [body, words] of [
    [{ rotation: 'sometimes' }, /rotation must be one of always, daily, never, found .*sometimes/],
    [{ totalCount: 7 }, /totalCount must be one of page, all, found 7/],
    [{ latencyMs: '7' }, /latencyMs must be a number from 0 on, found .*7/],
    [{ latencyMs: -1 }, /latencyMs must be a number from 0 on, found -1/],
    [{ rotatoin: 'daily' }, /there is no switch rotatoin; there are rotation, /],
    [{ limits: { perHour: 1 } }, /there is no switch limits\.perHour; there are perSecond, /],
    [{ limits: { body: 'html' } }, /limits\.body must be one of xml, json-fault, gateway-fault/],
    [{ limits: { retryAfter: 7 } }, /limits\.retryAfter must be a text/],
    [{ limits: 7 }, /limits must be an object/],
  ] as const) {
    const before = JSON.stringify(simulator.switches)
    const { status, text } = await control('switches', { idOrder: 'fault', ...body })
    expect([status, JSON.parse(text).error]).toEqual([400, expect.stringMatching(words)])
    expect(JSON.stringify(simulator.switches)).toBe(before)
  }
  const good = { rotation: 'never', latencyMs: 0.5, limits: { retryAfter: '7', perMinute: 3 } }
  expect((await control('switches', good)).status).toBe(200)
  expect(simulator.switches).toMatchObject(good)
  await expect(startSimulator({ consent: 'perhaps' as never })).rejects.toThrow(
    /consent must be one of given, denied/,
  )
})
