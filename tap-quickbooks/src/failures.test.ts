import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import type { Fault } from '../../dev/simulator/index.ts'
import { expectComplete, expectTrueStates, ids, rowTimes, seconds } from '../fixtures/reading.ts'
import { atEnd, openWorld } from '../fixtures/tap.ts'

const small = { invoices: 25, customers: 5, items: 4, limits: false } as const

const passing: [string, Fault][] = [
  ['500', { status: 500 }],
  ['502', { status: 502 }],
  ['503', { status: 503 }],
  ['504', { status: 504, body: 'xml' }],
  ['429 in XML', { status: 429 }],
  ['429 in JSON', { status: 429, body: 'gateway-fault' }],
  [
    '403 that is a throttle',
    { status: 403, body: 'xml', code: '3001', message: 'ThrottleExceeded' },
  ],
  ['a SystemFault inside 200', { status: 200, body: 'json-fault' }],
  ['a SystemFault inside 400', { status: 400, code: '10000' }],
  ['an empty body inside 200', { status: 200, body: 'empty' }],
  ['HTML inside 200', { status: 200, body: 'html' }],
  ['a text inside 200', { status: 200, body: 'text', text: 'null' }],
  ['JSON without an answer inside 200', { status: 200, body: 'text', text: '{"time":"x"}' }],
  ['a list in place of the answer', { status: 200, body: 'text', text: '{"QueryResponse":[]}' }],
  ['a body that is cut', { cutAfterBytes: 120 }],
  ['a body that is cut at once', { cutAfterBytes: 0 }],
  ['a body that is reset', { cutAfterBytes: 300, cut: 'reset' }],
  ['gzip that is cut with a length that agrees', { cutAfterBytes: 200, cut: 'short-length' }],
  ['gzip that is cut in chunks', { cutAfterBytes: 200, cut: 'chunked' }],
  ['a connection that is closed', { drop: true }],
]

test.concurrent.each(passing)('%s is tried again and costs no row', async (_, fault) => {
  const world = await openWorld(small, { page_size: 10, max_attempts: 3 })
  world.simulator.script.add({ ...fault, times: 2, after: 2, entity: 'Invoice' })
  const run = await world.run()
  expect(run.code).toBe(0)
  expectComplete(world, [run])
  expect(new Set(ids(run, 'invoices')).size).toBe(ids(run, 'invoices').length)
  const warnings = run.stderr.match(/^WARNING .*try \d of 3/gm) ?? []
  expect(warnings).toHaveLength(2)
  for (const warning of warnings) expect(warning).toMatch(/intuit_tid \S+|cannot be reached/)
  expect(run.stderr).toMatch(/2 repeated requests/)
  expect(run.stderr).toContain(
    '"http_retry_count","value":2,"tags":{"stream":"invoices","endpoint":"query"}',
  )
  expect(run.stderr).not.toMatch(/error|exception/i)
})

test.concurrent('an answer that breaks off is paid for, and counts for call_limit', async () => {
  const world = await openWorld(small, { call_limit: 2, concurrency: 1 })
  world.simulator.script.add({ times: 0, cutAfterBytes: 120 })
  const run = await world.run()
  expect(run.code).toBe(8)
  expect(world.simulator.stats().metered.total).toBe(2)
  expect(run.stderr).toMatch(/2 metered calls/)
})

test.concurrent('pages that QuickBooks does not get ready in time are asked for in smaller ones', async () => {
  const world = await openWorld({ ...small, invoices: 1500 }, { page_size: 900, max_attempts: 2 })
  world.simulator.script.add({ tooHeavyAbove: 300, times: 0, entity: 'Invoice' })
  const run = await world.run()
  expect(run.code).toBe(0)
  expectComplete(world, [run])
  expect(run.stderr).toMatch(/^WARNING invoices: QuickBooks takes too long; pages of 225 from/m)
  world.simulator.script.add({ status: 504, times: 0, entity: 'Invoice' })
  const outage = await world.run()
  expect(outage.code).toBe(7)
  expect(outage.stderr).toMatch(/^ERROR invoices: QuickBooks answers 504/m)
})

test.concurrent('with a single call a run, what is refused or too heavy does not keep the rest from coming', async () => {
  const world = await openWorld({ ...small, invoices: 0 }, { call_limit: 1, concurrency: 4 })
  const { company, script, clock } = world.simulator
  const at = { lastUpdatedTime: '2021-05-05T05:05:05Z', createTime: '2021-05-05T05:05:05Z' }
  for (let n = 0; n < 700; n++) company.insert('Customer', at)
  script.add({ status: 403, times: 0, entity: 'Invoice', endpoint: 'query' })
  script.add({ tooHeavyAbove: 260, times: 0, entity: 'Customer' })
  const runs = [await world.run()]
  for (let n = 0; n < 12; n++) {
    clock.advance(60)
    runs.push(await world.run({ state: runs.at(-1)?.state }))
  }
  expect(new Set(runs.flatMap((run) => ids(run, 'customers'))).size).toBe(705)
  expect(new Set(runs.flatMap((run) => ids(run, 'items'))).size).toBe(4)
  for (const run of runs) expect(run.code).toBe(7)
})

/** Collects garbage all the time, to which a timeout must not fall a victim. */
const COLLECTING = encodeURIComponent(
  "import v8 from 'node:v8'; import vm from 'node:vm'; v8.setFlagsFromString('--expose-gc');" +
    "setInterval(vm.runInNewContext('gc'), 500).unref()",
)

test.concurrent('a request that hangs is given up after timeout_seconds', async () => {
  const world = await openWorld(small, { timeout_seconds: 3, max_attempts: 4 })
  world.simulator.script.add({ hang: true, entity: 'Customer' }, { hang: true, endpoint: 'token' })
  const NODE_OPTIONS = `--import=data:text/javascript,${COLLECTING}`
  const run = await world.run({ environment: { NODE_OPTIONS } })
  expect(run.code).toBe(0)
  expect(run.stderr).toMatch(/did not answer within 3 s/)
  expectComplete(world, [run])
})

for (const attempts of [1, 3])
  test.concurrent(`a request is tried exactly max_attempts times: ${attempts}`, async () => {
    const world = await openWorld(small, { max_attempts: attempts })
    world.simulator.script.add({ status: 500, times: 0 })
    const run = await world.run()
    expect(run.code).toBe(4)
    const asked = world.simulator.log().filter(({ endpoint }) => endpoint === 'query')
    for (const entity of ['Invoice', 'Customer', 'Item'])
      expect(asked.filter((entry) => entry.entity === entity)).toHaveLength(attempts)
    expect(run.stderr.trimEnd().split('\n').at(-1)).toMatch(/^CRITICAL no stream .*500.*intuit_tid/)
  })

const final: [string, Fault][] = [
  ['400', { status: 400 }],
  ['404', { status: 404, body: 'html' }],
  ['a ValidationFault inside 200', { status: 200, body: 'text', text: validationFault() }],
  ['an answer of another entity', { status: 200, body: 'text', text: otherEntity() }],
]

test.concurrent.each(final)('%s is final at once, for its stream alone', async (_, fault) => {
  const world = await openWorld(small, { page_size: 10 })
  const { simulator } = world
  simulator.script.add({ ...fault, times: 0, after: 1, entity: 'Invoice' })
  const run = await world.run()
  expect(run.code).toBe(7)
  expect(run.stderr.trimEnd().split('\n').at(-1)).toMatch(/^WARNING .*invoices/)
  expect(simulator.log().filter(({ entity }) => entity === 'Invoice')).toHaveLength(2)
  expectTrueStates(run, rowTimes(simulator))
  const { invoices, customers, items } = run.state.bookmarks
  expect(items?.replication_key_value).toBe(customers?.replication_key_value)
  expect(seconds(invoices?.replication_key_value)).toBe(rowTimes(simulator).invoices[9]?.at)
  expect(run.state.currently_syncing).toBe('invoices')

  simulator.script.clear()
  const second = await world.run({ state: run.state })
  expect(second.code).toBe(0)
  expectComplete(world, [run, second])
})

for (const after of [9, 10, 11])
  test.concurrent(`a part of a large stream that fails takes nothing else down (after ${after})`, async () => {
    const world = await openWorld({ ...small, invoices: 150 }, { page_size: 5, max_attempts: 1 })
    const { simulator } = world
    simulator.switches.latencyMs = 50
    simulator.script.add({ status: 400, after, entity: 'Invoice' })
    const run = await world.run()
    expect(run.stderr.trimEnd().split('\n').at(-1)).toMatch(/^WARNING finished, but/)
    expect(run.code).toBe(7)
    expectTrueStates(run, rowTimes(simulator))
    const { customers, items } = run.state.bookmarks
    expect(items?.replication_key_value).toBe(customers?.replication_key_value)
    const second = await world.run({ state: run.state })
    expect(second.code).toBe(0)
    expectComplete(world, [run, second])
  })

test.concurrent('a stream that is forbidden fails by name, the others go on; where all are, it is exit 3', async () => {
  const world = await openWorld(small)
  world.simulator.script.add({ status: 403, times: 0, entity: 'Item' })
  const run = await world.run()
  expect(run.code).toBe(7)
  expect(run.stderr).toMatch(/^ERROR items: .*403.*3100/m)
  expect(ids(run, 'invoices')).toHaveLength(25)
  world.simulator.script.add({ status: 403, times: 0 })
  const all = await world.run()
  expect(all.code).toBe(3)
  expect(all.stderr.trimEnd().split('\n').at(-1)).toMatch(/^CRITICAL .*403.*environment/)
})

test.concurrent('change data capture that fails leaves the streams read, and deletions for the next run', async () => {
  const world = await openWorld(small)
  const { company, clock, script } = world.simulator
  const first = await world.run()
  clock.advance(3600)
  company.delete('Invoice', company.ids('Invoice')[2] as string)
  company.insert('Invoice')
  clock.advance(3600)
  script.add({ status: 400, endpoint: 'cdc', times: 0 })
  const second = await world.run({ state: first.state })
  expect(second.code).toBe(7)
  expect(second.stderr.trimEnd().split('\n').at(-1)).toMatch(
    /^WARNING .*deletions of invoices, deletions of customers, deletions of items failed/,
  )
  expect(ids(second, 'invoices')).toHaveLength(1)
  script.clear()
  clock.advance(1)
  const third = await world.run({ state: second.state })
  expect(third.code).toBe(0)
  expectComplete(world, [first, second, third])
})

test.concurrent('a stream that fails while the others have nothing to do is some streams, not all', async () => {
  const world = await openWorld(small, { end_date: '2025-01-01' })
  const first = await world.run()
  const { items: _, ...bookmarks } = first.state.bookmarks
  world.simulator.script.add({ status: 400, entity: 'Item', times: 0 })
  const run = await world.run({ state: { ...first.state, bookmarks } })
  expect(run.code).toBe(7)
  expect(run.stderr).toMatch(/^ERROR items: .*400/m)
})

test.concurrent('a 401 that stays is exit 3', async () => {
  const world = await openWorld(small)
  world.simulator.script.add({ status: 401, times: 0 })
  const run = await world.run()
  expect(run.code).toBe(3)
  expect(world.simulator.tokens.counts.refreshes).toBeLessThanOrEqual(4)
})

test.concurrent('a redirect is refused, and the token goes nowhere else', async () => {
  const seen: (string | undefined)[] = []
  const elsewhere = createServer((request, response) => {
    seen.push(request.headers.authorization)
    response.end('{}')
  })
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
  atEnd(() => void elsewhere.close())
  const location = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`
  const world = await openWorld(small)
  for (const status of [301, 302, 307, 308])
    world.simulator.script.add({ status, body: 'empty', headers: { Location: location } })
  world.simulator.script.add({
    status: 302,
    body: 'empty',
    headers: { Location: location },
    times: 0,
  })
  const run = await world.run()
  expect(run.code).toBe(4)
  expect(run.stderr).toMatch(/Redirects are not followed/)
  expect(seen).toEqual([])
})

test.concurrent('an outage in the middle leaves a good STATE, exit 4, and the next run completes it', async () => {
  const world = await openWorld(small, { page_size: 2, max_attempts: 2, concurrency: 4 })
  world.simulator.script.add({ drop: true, times: 0, after: 6 })
  const run = await world.run()
  expect(run.code).toBe(4)
  expectTrueStates(run, rowTimes(world.simulator))
  world.simulator.script.clear()
  const second = await world.run({ state: run.state })
  expectComplete(world, [run, second])
})

for (const [how, headers, settings] of [
  ['Retry-After in seconds', { 'Retry-After': '1' }, {}],
  ['a Retry-After that is a date', { 'Retry-After': '<date>' }, {}],
  ['no Retry-After', {}, { backoff_seconds: 0.02 }],
] as const)
  test.concurrent(`a 429 with ${how} stops all requests of the company`, async () => {
    const world = await openWorld({ ...small, invoices: 60 }, { page_size: 10, concurrency: 4 })
    const { clock, script } = world.simulator
    clock.freeze()
    const date = new Date(clock.now() + 2000).toUTCString()
    const texts = Object.entries(headers).map(([name, value]) => [
      name,
      value.replace('<date>', date),
    ])
    script.add({ status: 429, after: 4, headers: Object.fromEntries(texts) })
    // The simulator's clock stands still for the date, so the time is taken here.
    const times: number[] = []
    script.onAnswer(() => times.push(performance.now()))
    const run = await world.run({ settings: { max_attempts: 2, ...settings } })
    expect(run.code).toBe(0)
    const log = world.simulator.log()
    const at = log.findIndex(({ status }) => status === 429)
    // Three others may have been under way.
    expect((times[at + 3] as number) - (times[at - 1] as number)).toBeGreaterThanOrEqual(900)
    expectComplete(world, [run])
  })

function validationFault(): string {
  const error = { Message: 'Invalid query', Detail: 'QueryValidationError: no', code: '4001' }
  return JSON.stringify({ Fault: { Error: [error], type: 'ValidationFault' }, time: 'x' })
}

function otherEntity(): string {
  const row = { Id: '1', MetaData: { LastUpdatedTime: '2020-01-01T00:00:00-08:00' } }
  return JSON.stringify({ QueryResponse: { Bill: [row], maxResults: 1 }, time: 'x' })
}
