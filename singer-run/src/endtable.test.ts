import { expect, test } from 'vitest'
import { formatEndTable } from './endtable.ts'
import { createTally, type Role } from './metrics.ts'

function tallyOf(...metrics: [Role, string, string, number][]) {
  const tally = createTally()
  for (const [role, stream, metric, value] of metrics)
    tally.add(role, { metric, value, tags: stream === '' ? {} : { stream } })
  return tally.streams
}

test('the end table has a line per stream and a total', () => {
  const streams = tallyOf(
    ['tap', 'invoices', 'record_count', 20000],
    ['tap', 'invoices', 'http_request_count', 21],
    ['tap', 'invoices', 'window_count', 122],
    ['tap', 'invoices', 'sync_duration', 4.06],
    ['tap', 'items', 'record_count', 0],
    ['tap', 'items', 'http_request_count', 1],
    ['tap', '', 'http_request_count', 2],
    ['target', 'invoices', 'record_count', 19999],
  )
  expect(formatEndTable(streams, 65)).toEqual([
    'stream      rows  loaded  calls  windows    duration',
    'invoices  20,000  19,999     21      122       4.1 s',
    'items          0       -      1        -           -',
    '(shared)       -       -      2        -           -',
    'total     20,000  19,999     24      122  1 min 05 s',
  ])
})

test('programs that count nothing leave dashes, and no column for the target', () => {
  expect(formatEndTable(tallyOf(), 0.25)).toEqual([
    'stream  rows  calls  windows  duration',
    'total      -      -        -     0.3 s',
  ])
})
