import { expect, test } from 'vitest'
import { alignColumns, formatDuration } from './columns.ts'

test('columns are of equal width, the first to the left, the others to the right', () => {
  expect(
    alignColumns([
      ['name', 'n', ''],
      ['x', '1,000', ''],
    ]),
  ).toEqual(['name      n', 'x     1,000'])
})

test.each([
  [undefined, '-'],
  [0, '0.0 s'],
  [59.94, '59.9 s'],
  [59.96, '1 min 00 s'],
  [3599.6, '1 h 00 min'],
  [12_000, '3 h 20 min'],
])('%s seconds are shown as %s', (seconds, shown) => {
  expect(formatDuration(seconds)).toBe(shown)
})
