import fc from 'fast-check'
import { expect, test } from 'vitest'
import { company, readAll, row, sorted } from '../fixtures/pages.ts'
import { type Place, readPages } from './pages.ts'

/** An answer may have fewer rows than were asked for: any, a few in a row, or none. */
const caps = fc
  .record({
    always: fc.constantFrom(Number.POSITIVE_INFINITY, 2, 3, 5, 8),
    from: fc.nat(25),
    some: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 10 }),
  })
  .map(
    ({ always, from, some }) =>
      (n: number) =>
        Math.min(always, some[n - 1 - from] ?? always),
  )

test('No row is lost or doubled, whatever is edited, voided, deactivated or deleted in the company while pages are read', async () => {
  const END = 12
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: END - 1 }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.array(fc.nat(), { maxLength: 6 }), { maxLength: 40 }),
      caps,
      fc.boolean(),
      fc.nat(4),
      async (times, pageSize, changes, cap, isSameOrder, start) => {
        const rows = times.map((at, index) => row(index + 1, at))
        const touched = new Set<string>()
        const { ask } = company(rows, {
          cap,
          isSameOrder,
          before: (requests) => {
            // An edit or a deletion takes a row out of the closed range.
            for (const pick of changes[requests] ?? []) {
              if (rows.length === 0) return
              const [gone] = rows.splice(pick % rows.length, 1)
              if (gone !== undefined) touched.add(gone.id)
            }
          },
        })
        const ids = await readAll(readPages({ start, end: END }, pageSize, ask))
        const untouched = times
          .flatMap((at, index) => (at >= start ? [String(index + 1)] : []))
          .filter((id) => !touched.has(id))
        expect(new Set(ids).size).toBe(ids.length)
        expect(ids).toEqual(expect.arrayContaining(untouched))
      },
    ),
    { numRuns: 5000 },
  )
})

test('reading goes on from any page, also inside a crowded second, and one request always gets further', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 6 }),
      fc.boolean(),
      fc.option(fc.integer({ min: 3, max: 8 }), { nil: undefined }),
      fc.integer({ min: 1, max: 3 }),
      async (times, pageSize, isSameOrder, cap, pages) => {
        const rows = times.map((at, index) => row(index + 1, at))
        const world = company(rows, { isSameOrder, ...(cap !== undefined && { cap }) })
        const ask = { ...world.ask, isLimited: true }
        const ids = new Set<string>()
        let start = 0
        let place: Place | undefined
        // Every few requests are a run of their own; a single one with call_limit 1.
        for (let run = 0; start < 6; run++) {
          expect(run).toBeLessThan(6 * times.length + 10)
          const reading = readPages({ start, end: 6 }, pageSize, ask, place)
          for (let page = 0; page < pages; page++) {
            const next = await reading.next()
            if (next.done) break
            for (const one of next.value.rows) ids.add(one.id)
            start = next.value.doneTo
            place = next.value.place
          }
        }
        expect(sorted(ids)).toEqual(times.map((_, index) => String(index + 1)))
      },
    ),
    { numRuns: 1000 },
  )
})
