import fc from 'fast-check'
import { expect, test } from 'vitest'
import { markDone, type Progress, remainingRanges } from './progress.ts'
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
