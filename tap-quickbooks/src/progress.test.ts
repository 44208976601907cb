import fc from 'fast-check'
import { expect, test } from 'vitest'
import { markDone, type Progress, remainingRanges, tidyProgress } from './progress.ts'
import type { Range } from './windows.ts'

const range = (start: number, end: number): Range => ({ start, end })

test('a range at the low-water mark moves it, one beyond is kept', () => {
  const first = markDone({ lowWater: 10, ranges: [] }, range(20, 30))
  expect(first).toEqual({ lowWater: 10, ranges: [range(20, 30)] })
  expect(markDone(first, range(10, 20))).toEqual({ lowWater: 30, ranges: [] })
})

test('ranges that touch are one', () => {
  const progress = markDone({ lowWater: 0, ranges: [range(10, 20)] }, range(20, 30))
  expect(progress.ranges).toEqual([range(10, 30)])
})

test('the low-water mark never falls and says exactly what is done', () => {
  const ranges = fc.array(
    fc
      .tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 15 }))
      .map(([start, length]) => range(start, start + length)),
    { maxLength: 12 },
  )
  fc.assert(
    fc.property(ranges, (all) => {
      const done = new Set<number>()
      let progress: Progress = { lowWater: 0, ranges: [] }
      for (const one of all) {
        for (let at = one.start; at < one.end; at++) done.add(at)
        const next = markDone(progress, one)
        expect(next.lowWater).toBeGreaterThanOrEqual(progress.lowWater)
        progress = next
      }
      const rest = new Set<number>()
      for (const one of remainingRanges(progress, 80))
        for (let at = one.start; at < one.end; at++) rest.add(at)
      for (let at = 0; at < 80; at++) expect(rest.has(at)).toBe(!done.has(at))
    }),
  )
})

test('of 200,000 ranges in a state the largest are kept, at once', () => {
  const ranges = Array.from({ length: 200_000 }, (_, index) =>
    range(20 * index + 10, 20 * index + (index % 200 === 7 ? 20 : 15)),
  ).reverse()
  const start = performance.now()
  const tidy = tidyProgress({ lowWater: 0, ranges })
  expect(performance.now() - start).toBeLessThan(5000)
  expect(tidy.ranges).toHaveLength(1000)
  expect(tidy.ranges[0]).toEqual(range(150, 160))
  expect(tidy.ranges.every(({ start, end }) => end - start === 10)).toBe(true)
  expect(remainingRanges(tidy, 4_000_000)).toHaveLength(1001)
})

test('ranges that a person wrote in any order are put in order, and those that touch are one', () => {
  const ranges = [range(50, 60), range(5, 12), range(20, 30), range(25, 40), range(12, 14)]
  expect(tidyProgress({ lowWater: 10, ranges })).toEqual({
    lowWater: 14,
    ranges: [range(20, 40), range(50, 60)],
  })
})
