import { expect, test } from 'vitest'
import { decimal, money } from './decimal.ts'
import { pacificMillis, pacificSeconds, readTime } from './pacific.ts'

const at = (text: string) => Date.parse(text) / 1000

test('timestamps are Pacific, an hour on in summer', () => {
  expect(pacificSeconds(at('2014-09-18T19:09:39Z'))).toBe('2014-09-18T12:09:39-07:00')
  expect(pacificSeconds(at('2017-01-28T18:36:03Z'))).toBe('2017-01-28T10:36:03-08:00')
  expect(pacificSeconds(at('2026-03-08T09:59:59Z'))).toBe('2026-03-08T01:59:59-08:00')
  expect(pacificSeconds(at('2026-03-08T10:00:00Z'))).toBe('2026-03-08T03:00:00-07:00')
  expect(pacificSeconds(at('2026-11-01T08:59:59Z'))).toBe('2026-11-01T01:59:59-07:00')
  expect(pacificSeconds(at('2026-11-01T09:00:00Z'))).toBe('2026-11-01T01:00:00-08:00')
  expect(pacificMillis(Date.parse('2026-05-05T13:52:56.527Z'))).toBe(
    '2026-05-05T06:52:56.527-07:00',
  )
})

test('filters read Z, offsets, fractions, and zone-less times as Pacific', () => {
  const time = Date.parse('2020-07-01T12:00:00Z')
  expect(readTime('2020-07-01T12:00:00Z')).toBe(time)
  expect(readTime('2020-07-01T05:00:00-07:00')).toBe(time)
  expect(readTime('2020-07-01T12:00:00.001Z')).toBe(time + 1)
  expect(readTime('2020-07-01T05:00:00')).toBe(time)
  expect(readTime('2020-07-01')).toBe(Date.parse('2020-07-01T07:00:00Z'))
  expect(readTime('yesterday')).toBeUndefined()
  // An offset's plus that was not encoded arrives as a blank.
  expect(readTime('2020-07-01T12:00:00 02:00')).toBeUndefined()
})

test('money is padded to two decimals, zero is bare, prices are never padded', () => {
  expect([10000, 110, 5, 0, -505].map(money)).toEqual(['100.00', '1.10', '0.05', '0', '-5.05'])
  expect([decimal(375, 1), decimal(5306667, 7), decimal(80, 1), decimal(0, 7)]).toEqual([
    '37.5',
    '0.5306667',
    '8',
    '0',
  ])
})
