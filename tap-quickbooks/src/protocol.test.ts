import { expect, test } from 'vitest'
import {
  expectComplete,
  expectTrueStates,
  held,
  load,
  rowTimes,
  STREAM_NAMES,
} from '../fixtures/reading.ts'
import { openWorld } from '../fixtures/tap.ts'

test.concurrent('stdout carries protocol lines and nothing else; everything for people goes to stderr', async () => {
  const world = await openWorld({ burst: 8, bursts: 1 })
  world.simulator.script.add({ status: 503 }, { status: 429, after: 3 }, { cutAfterBytes: 40 })
  const run = await world.run({ settings: { log_level: 'debug', page_size: 12 } })
  expect(run.code).toBe(0)
  expect(run.stdout.endsWith('\n')).toBe(true)
  expect(run.messages).toHaveLength(run.lines.length)
  const types = run.messages.map(({ type }) => type)
  expect(types.slice(0, 3)).toEqual(['SCHEMA', 'SCHEMA', 'SCHEMA'])
  expect(new Set(types.slice(3))).toEqual(new Set(['RECORD', 'STATE']))
  expect(types.at(-1)).toBe('STATE')
  const schemas = run.messages.slice(0, 3)
  expect(schemas.map(({ stream }) => stream)).toEqual(['invoices', 'customers', 'items'])
  for (const schema of schemas) {
    expect(schema.key_properties).toEqual(['Id'])
    expect(schema.bookmark_properties).toEqual(['MetaData.LastUpdatedTime'])
    expect(schema.schema).toMatchObject({ type: 'object', properties: { Id: { type: 'string' } } })
  }
  for (const message of run.messages.slice(3)) {
    const members = Object.keys(message).sort()
    if (message.type === 'STATE') expect(members).toEqual(['type', 'value'])
    else expect(members).toEqual(['record', 'stream', 'time_extracted', 'type'])
  }
  expect(run.stderr).toMatch(/^DEBUG GET /m)
  expect(run.stderr).toMatch(/^INFO invoices: 30 rows/m)
  expect(run.stderr).toMatch(/^WARNING /m)
})

for (const concurrency of [1, 4, 10])
  for (const faulty of [false, true])
    test.concurrent(`The tap emits a STATE only after every record that it vouches for (concurrency ${concurrency}${faulty ? ', with faults' : ''})`, async () => {
      const world = await openWorld({ invoices: 130, customers: 60, burst: 25, bursts: 2 })
      if (faulty)
        world.simulator.script.add(
          ...Array.from({ length: 12 }, (_, n) => ({
            after: 3 * n,
            ...[{ status: 500 }, { drop: true }, { cutAfterBytes: 99 }, { delayMs: 90 }][n % 4],
          })),
        )
      const run = await world.run({ settings: { concurrency, page_size: 10, chunk_days: 90 } })
      expect(run.code).toBe(0)
      expect(run.states.length).toBeGreaterThan(15)
      expectTrueStates(run, rowTimes(world.simulator))
      expectComplete(world, [run])
      for (const stream of STREAM_NAMES)
        expect(load([run], stream).size).toBe(held(world.simulator, stream).size)
    })

test.concurrent('What QuickBooks sent is what is stored: decimals exact to the last digit, unknown fields kept, absent fields absent', async () => {
  const world = await openWorld({ invoices: 200, customers: 60, items: 40 })
  const { company } = world.simulator
  const setText = {
    TotalAmt: '12345678901234567890.10',
    ExchangeRate: '1.230194',
    Balance: '1.10',
    Big: '9007199254740993',
    Small: '1e-7',
    Zero: '-0.00',
    Unknown: '{"of": [1.50, null, {"_sdc_batched_at":"x"}]}',
    PrivateNote: '"caf\\u00e9 \\u2028 \\ud83d\\ude00 😀 \u2028 \\"quoted\\" \\\\ \\u0000 a\\/b"',
  }
  const id = company.insert('Invoice', { setText, lastUpdatedTime: '2024-02-03T04:05:06Z' })
  const text = company.text('Invoice', id) as string
  for (const digits of ['12345678901234567890.10', '1.10', '9007199254740993', '-0.00'])
    expect(text).toContain(digits)
  const run = await world.run()
  expect(load([run], 'invoices').get(id)).toBe(text)
  expectComplete(world, [run])
})
