import { expect, test } from 'vitest'
import { createTally, readMetric } from './metrics.ts'

const body = '{"type":"counter","metric":"record_count","value":3,"tags":{"stream":"invoices"}}'
const invoices = { metric: 'record_count', value: 3, tags: { stream: 'invoices' } }

test.each([
  ['of this project', `INFO METRIC: ${body}`],
  ['of the Meltano SDK', `2026-01-01 00:00:00,000 | INFO     | tap.metrics | METRIC: ${body}`],
  ['as JSON', `{"level":"info","message":"METRIC: …","metric_info":${body}}`],
  ['as JSON without metric_info', JSON.stringify({ message: `METRIC: ${body}` })],
  ['in colours', `\u001b[32mINFO METRIC: ${body}\u001b[0m`],
])('a metric line %s is read', (_, line) => {
  expect(readMetric(line)).toEqual(invoices)
})

test.each([
  'INFO reading invoices',
  'INFO METRIC: soon',
  'METRIC: ',
  'METRIC: {"metric":"record_count"}',
  'METRIC: {"metric":"record_count","value":"3"}',
  'METRIC: [1]',
  '{"message":"hello","metric_info":null}',
  '{"metric_info"',
  '',
])('the line %j is no metric', (line) => {
  expect(readMetric(line)).toBeUndefined()
})

test('counters of a stream are summed, whatever their other tags', () => {
  const tally = createTally()
  const calls = (value: number, tags: Record<string, unknown>): void =>
    tally.add('tap', { metric: 'http_request_count', value, tags })
  calls(2, { stream: 'invoices', endpoint: 'query' })
  calls(3, { stream: 'invoices', endpoint: 'query' })
  calls(1, { stream: 'invoices', endpoint: 'cdc' })
  calls(1, { endpoint: 'companyinfo' })
  tally.add('tap', { metric: 'record_count', value: 10, tags: { stream: 'items' } })
  tally.add('target', { metric: 'record_count', value: 9, tags: { stream: 'items' } })
  tally.add('target', { metric: 'batch_processing_time', value: 9, tags: { stream: 'items' } })
  expect([...tally.streams.keys()]).toEqual(['invoices', '', 'items'])
  expect(tally.streams.get('invoices')).toMatchObject({ calls: 6, rows: undefined })
  expect(tally.streams.get('')).toMatchObject({ calls: 1 })
  expect(tally.streams.get('items')).toMatchObject({ rows: 10, loaded: 9, calls: undefined })
})

test("a singer-python tap's end point counts as the stream", () => {
  const tally = createTally()
  tally.add('tap', { metric: 'record_count', value: 4, tags: { endpoint: 'orders' } })
  expect(tally.streams.get('orders')?.rows).toBe(4)
})
