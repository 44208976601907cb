import { expect, test } from 'vitest'
import { isEarlier, parseInstant } from './instant.ts'

test('times with any offset become instants in UTC with microseconds', () => {
  const times: [unknown, string | undefined][] = [
    ['2024-03-01T00:00:00Z', '2024-03-01T00:00:00.000000Z'],
    ['2024-02-29T16:30:00.5-08:00', '2024-03-01T00:30:00.500000Z'],
    ['2024-03-01t05:45:00.123456789+0545', '2024-03-01T00:00:00.123456Z'],
    ['2024-03-01 00:00:00z', '2024-03-01T00:00:00.000000Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00.000000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000000Z'],
    ['0099-06-01T00:00:00Z', '0099-06-01T00:00:00.000000Z'],
    ['0001-01-01T00:00:00+01:00', undefined],
    ['9999-12-31T23:59:59-01:00', undefined],
    ['2023-02-29T00:00:00Z', undefined],
    ['2024-03-01T24:00:00Z', undefined],
    ['2024-03-01T00:00:00', undefined],
    ['2024-03-01', undefined],
    ['yesterday', undefined],
    [1709251200, undefined],
    [null, undefined],
  ]
  for (const [time, instant] of times) expect([time, parseInstant(time)]).toEqual([time, instant])
})

test('an unknown time is earlier than none', () => {
  expect(isEarlier('2024-01-01T00:00:00.000000Z', '2024-01-01T00:00:00.000001Z')).toBe(true)
  expect(isEarlier('2024-01-01T00:00:00.000000Z', '2024-01-01T00:00:00.000000Z')).toBe(false)
  expect(isEarlier(undefined, '2024-01-01T00:00:00.000000Z')).toBe(false)
  expect(isEarlier('2024-01-01T00:00:00.000000Z', undefined)).toBe(false)
})
