import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countWindows, createGrid, windowOf } from './windows.ts'

const DAY = 86_400

test('windows are the cells of a grid from start_date, cut to the range of the run', () => {
  const grid = createGrid(0, 10, { start: 5 * DAY, end: 25 * DAY })
  expect(windowOf(5 * DAY, grid)).toEqual({ start: 5 * DAY, end: 10 * DAY })
  expect(windowOf(10 * DAY, grid)).toEqual({ start: 10 * DAY, end: 20 * DAY })
  expect(windowOf(25 * DAY - 1, grid)).toEqual({ start: 20 * DAY, end: 25 * DAY })
})

test('an instant outside the range of the run has the whole cell', () => {
  const grid = createGrid(0, 10, { start: 5 * DAY, end: 25 * DAY })
  expect(windowOf(-1, grid)).toEqual({ start: -10 * DAY, end: 0 })
  expect(windowOf(25 * DAY, grid)).toEqual({ start: 20 * DAY, end: 30 * DAY })
})

test('a window may be part of a day, and has at least a second', () => {
  expect(createGrid(0, 0.5, { start: 0, end: 1 }).seconds).toBe(43_200)
  expect(createGrid(0, 1e-9, { start: 0, end: 1 }).seconds).toBe(1)
})

test('counting windows agrees with looking at each of them', () => {
  const range = fc
    .tuple(fc.integer({ min: -50, max: 200 }), fc.integer({ min: 1, max: 120 }))
    .map(([start, length]) => ({ start, end: start + length }))
  fc.assert(
    fc.property(
      fc.integer({ min: -20, max: 20 }),
      fc.integer({ min: 1, max: 30 }),
      range,
      range,
      (origin, seconds, whole, done) => {
        const grid = { origin, seconds, range: whole }
        let expected = 0
        for (let at = whole.start; at < whole.end; ) {
          const window = windowOf(at, grid)
          if (window.start >= done.start && window.end <= done.end) expected++
          at = window.end
        }
        expect(countWindows(grid, [done])).toBe(expected)
      },
    ),
  )
})
