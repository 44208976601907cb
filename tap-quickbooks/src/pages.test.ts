import fc from 'fast-check'
import { expect, test } from 'vitest'
import { company, readAll, refusal, row, sorted } from '../fixtures/pages.ts'
import type { Row } from './answer.ts'
import { type Ask, readPages } from './pages.ts'

test('rows at different times need a request a page and one that finds nothing new', async () => {
  const rows = Array.from({ length: 2500 }, (_, index) => row(index, index))
  const { ask, requests } = company(rows)
  const ids = await readAll(readPages({ start: 0, end: 5000 }, 1000, ask))
  expect(ids).toEqual(rows.map((one) => one.id))
  expect(requests()).toBe(4)
})

test('an empty range costs one request', async () => {
  const { ask, requests } = company([])
  expect(await readAll(readPages({ start: 0, end: 10 }, 1000, ask))).toEqual([])
  expect(requests()).toBe(1)
})

test('a second with more rows than a page is read to its end', async () => {
  const rows = [
    row(1, 5),
    ...Array.from({ length: 25 }, (_, index) => row(index + 10, 7)),
    row(99, 8),
  ]
  for (const pageSize of [1, 2, 3, 10, 26]) {
    const ids = await readAll(readPages({ start: 0, end: 10 }, pageSize, company(rows).ask))
    expect(sorted(ids)).toEqual(sorted(rows.map((one) => one.id)))
  }
})

test('a server that gives fewer rows than asked does not end the reading', async () => {
  const rows = Array.from({ length: 40 }, (_, index) => row(index, Math.floor(index / 9)))
  for (const cap of [3, 7, 10]) {
    const ids = await readAll(readPages({ start: 0, end: 10 }, 1000, company(rows, { cap }).ask))
    expect(sorted(ids)).toEqual(sorted(rows.map((one) => one.id)))
  }
})

test('a single short answer, at whatever request, does not end the reading', async () => {
  const rows = Array.from({ length: 30 }, (_, index) => row(index, Math.floor(index / 2)))
  for (let short = 0; short < 8; short++) {
    const { ask, requests } = company(rows)
    const cut: Ask = {
      ...ask,
      rows: async (...asked) => {
        const isShort = requests() === short
        return (await ask.rows(...asked)).slice(0, isShort ? 1 : undefined)
      },
    }
    const ids = await readAll(readPages({ start: 0, end: 20 }, 10, cut))
    expect(sorted(ids)).toEqual(sorted(rows.map((one) => one.id)))
  }
})

test('two short answers in a row, whichever they are, do not end the reading', async () => {
  const inOneSecond = [row(1, 3), row(2, 3), row(3, 3)]
  const inTwo = [row(1, 3), row(2, 4), row(3, 4)]
  for (const rows of [inOneSecond, inTwo])
    for (const cap of [1, 2])
      for (let first = 1; first < 6; first++) {
        const { ask } = company(rows, {
          cap: (request) => (request === first || request === first + 1 ? cap : 1000),
        })
        const ids = await readAll(readPages({ start: 0, end: 20 }, 10, ask))
        expect(sorted(ids)).toEqual(['1', '2', '3'])
      }
})

test('the end costs a request, two where all rows are of one second, a few where the count is wrong', async () => {
  const cost = async (rows: Row[], count?: (right: number) => number): Promise<number> => {
    const { ask, requests } = company(rows)
    const told: number[][] = []
    const counting: Ask = {
      ...ask,
      count: async (range) => (count ?? Number)(await ask.count(range)),
      miscounted: (_, counted, found) => told.push([counted, found]),
    }
    const ids = await readAll(readPages({ start: 3, end: 20 }, 10, counting))
    expect(sorted(ids)).toEqual(rows.map(({ id }) => id))
    expect(told.length).toBe(count === undefined ? 0 : 1)
    return requests()
  }
  expect(await cost([row(1, 3), row(2, 4)])).toBe(2)
  expect(await cost([row(1, 3)])).toBe(3)
  expect(await cost([row(1, 3), row(2, 3)])).toBe(3)
  expect(await cost([row(1, 3)], (right) => right + 1)).toBeLessThan(20)
})

test('where rows cannot be counted, the newest row is asked for', async () => {
  const { ask, requests } = company([row(1, 3), row(2, 3)])
  const refusing: Ask = { ...ask, count: () => Promise.reject(refusal) }
  expect(sorted(await readAll(readPages({ start: 3, end: 20 }, 10, refusing)))).toEqual(['1', '2'])
  expect(requests()).toBe(3)
})

test('short answers in two runs, one after the other, do not end the reading', async () => {
  const rows = [row(1, 3)]
  const { ask } = company(rows)
  const { value } = await readPages({ start: 0, end: 5 }, 10, ask).next()
  expect(value).toMatchObject({ doneTo: 3, place: { isShort: true } })
  // Until the next run there is more to read; its first answer has the known row alone.
  rows.push(row(2, 5), row(3, 6))
  let asked = 0
  const cut: Ask = {
    ...ask,
    rows: async (...page) => (await ask.rows(...page)).slice(0, asked++ === 0 ? 1 : undefined),
  }
  const ids = await readAll(readPages({ start: 3, end: 10 }, 10, cut, value?.place))
  expect(ids).toEqual(['2', '3'])
})

test('a server that gives any number of the rows asked for loses none', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 40 }),
      fc.integer({ min: 1, max: 12 }),
      fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
      async (times, pageSize, cuts) => {
        const rows = times.map((at, index) => row(index + 1, at))
        const { ask } = company(rows)
        const some: Ask = {
          ...ask,
          rows: async (...page) => {
            const all = await ask.rows(...page)
            return all.slice(0, Math.max(2, Math.ceil(all.length * cuts.next().value)))
          },
        }
        const ids = await readAll(readPages({ start: 0, end: 10 }, pageSize, some))
        expect(sorted(ids)).toEqual(rows.map(({ id }) => id))
      },
    ),
    { numRuns: 500 },
  )
})

test('the order of rows with the same time says nothing about the end', async () => {
  // Four rows an answer, the last ones of the same second; more of that second are to come.
  const rows = [row(1, 1), row(2, 2), ...[3, 4, 5, 6, 7].map((id) => row(id, 5))]
  for (const isSameOrder of [true, false]) {
    const { ask } = company(rows, { cap: 4, isSameOrder })
    const ids = await readAll(readPages({ start: 0, end: 9 }, 100, ask))
    expect(sorted(ids)).toEqual(['1', '2', '3', '4', '5', '6', '7'])
  }
})

test('an empty answer where a known row must be is asked for again', async () => {
  const rows = [row(1, 1), row(2, 2), row(3, 3)]
  const { ask } = company(rows)
  let asked = 0
  const flaky: Ask = { ...ask, rows: async (...page) => (++asked === 2 ? [] : ask.rows(...page)) }
  expect(await readAll(readPages({ start: 0, end: 9 }, 2, flaky))).toEqual(['1', '2', '3'])
  // Edited away for good, the rows are no reason to ask for ever.
  rows.length = 0
  const from = { second: 2, startPosition: 1, knownIds: ['2'], isShort: false }
  expect(await readAll(readPages({ start: 2, end: 9 }, 2, ask, from))).toEqual([])
})

test('where there must be rows, a single empty answer is not the end', async () => {
  const rows = [row(1, 1), row(2, 2)]
  const { ask, requests } = company(rows)
  let asked = 0
  const flaky: Ask = { ...ask, rows: async (...page) => (++asked === 1 ? [] : ask.rows(...page)) }
  const whole = readPages({ start: 0, end: 9 }, 5, flaky, undefined, true)
  expect(await readAll(whole)).toEqual(['1', '2'])
  rows.length = 0
  const before = requests()
  expect(await readAll(readPages({ start: 0, end: 9 }, 5, ask, undefined, true))).toEqual([])
  expect(requests() - before).toBe(2)
})

test('seconds with half a page of rows each are not read twice', async () => {
  const rows = Array.from({ length: 6000 }, (_, index) => row(index + 1, Math.floor(index / 501)))
  const { ask, requests } = company(rows)
  const ids = await readAll(readPages({ start: 0, end: 99 }, 1000, ask))
  expect(ids).toHaveLength(6000)
  expect(requests()).toBeLessThanOrEqual(9)
})

test('far inside a second whose rows have been edited away, reading gets back to what is left', async () => {
  const rows = Array.from({ length: 30 }, (_, index) => row(index + 1, 5))
  const from = { second: 5, startPosition: 90_000, knownIds: ['777'], isShort: false }
  const { ask, requests } = company(rows)
  const ids = await readAll(readPages({ start: 5, end: 9 }, 10, ask, from))
  expect(sorted(ids)).toEqual(rows.map(({ id }) => id))
  expect(requests()).toBeLessThan(25)
})

test('what lies around rows that keep the answer from coming is passed over, and no more', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 60 }),
      fc.array(fc.nat(), { maxLength: 4 }),
      fc.integer({ min: 1, max: 20 }),
      fc.option(fc.integer({ min: 2, max: 8 }), { nil: undefined }),
      fc.array(fc.array(fc.nat(), { maxLength: 2 }), { maxLength: 30 }),
      async (times, picks, pageSize, cap, changes) => {
        const rows = times.map((at, index) => row(index + 1, at))
        const all = [...rows]
        const bad = new Set(picks.map((pick) => String((pick % times.length) + 1)))
        const gone = new Set<Row>()
        const { ask, requests } = company(rows, {
          bad,
          ...(cap !== undefined && { cap }),
          before: (n) => {
            for (const pick of changes[n] ?? []) {
              const one = rows[pick % rows.length]
              if (one === undefined || bad.has(one.id)) continue
              rows.splice(rows.indexOf(one), 1)
              gone.add(one)
            }
          },
        })
        const ids = new Set<string>()
        const holes: { start: number; end: number }[] = []
        let doneTo = 0
        for await (const page of readPages({ start: 0, end: 50 }, pageSize, ask)) {
          for (const one of page.rows) ids.add(one.id)
          if (page.hole !== undefined) holes.push(page.hole)
          expect(page.doneTo).toBeGreaterThanOrEqual(doneTo)
          doneTo = page.doneTo
        }
        expect(doneTo).toBe(50)
        const inHole = (at: number) => holes.some(({ start, end }) => at >= start && at < end)
        for (const one of rows) if (!inHole(one.at)) expect(ids).toContain(one.id)
        for (const one of rows) if (bad.has(one.id)) expect(inHole(one.at)).toBe(true)
        if (gone.size > 0) return
        // A hole begins at a row that is known and ends with the next one.
        const last = Math.max(...times)
        for (const { start, end } of holes) {
          expect(all.some(({ id, at }) => bad.has(id) && at >= start && at < end)).toBe(true)
          const inside = all.filter(({ id, at }) => !bad.has(id) && at > start && at < end - 1)
          if (end <= last && bad.size === 1) expect(inside).toEqual([])
        }
        expect(holes.length).toBeLessThanOrEqual(bad.size)
        expect(requests()).toBeLessThan(2 * times.length + 10 + bad.size * 30)
      },
    ),
    { numRuns: 1000 },
  )
})

test('a row that comes twice in an answer neither comes twice nor hides the end', async () => {
  const rows = [row(1, 3), ...Array.from({ length: 7 }, (_, index) => row(index + 10, 5))]
  const { ask } = company(rows)
  const twice: Ask = {
    ...ask,
    rows: async (...page) => (await ask.rows(...page)).flatMap((one, n) => (n ? one : [one, one])),
  }
  for (const pageSize of [1, 2, 3, 7, 10]) {
    const ids = await readAll(readPages({ start: 0, end: 10 }, pageSize, twice))
    expect(sorted(ids)).toEqual(sorted(rows.map((one) => one.id)))
  }
})

test('a server that ignores STARTPOSITION is noticed, not asked for ever', async () => {
  const rows = Array.from({ length: 10 }, (_, index) => row(index, 5))
  const { ask } = company(rows)
  const deaf: Ask = {
    ...ask,
    rows: (range, page) => ask.rows(range, { ...page, startPosition: 1 }),
  }
  await expect(readAll(readPages({ start: 0, end: 10 }, 4, deaf))).rejects.toThrow(/nothing new/)
})

test('rows out of order or outside the range are refused', async () => {
  const answering = (...rows: Row[]): Ask => ({
    rows: async () => rows,
    newest: async () => [row(9, 9)],
    count: async () => rows.length,
    refusalOf: async () => undefined,
  })
  const wrong = answering(row(1, 5), row(2, 4))
  await expect(readAll(readPages({ start: 0, end: 10 }, 4, wrong))).rejects.toThrow(/out of order/)
  const outside = answering(row(1, 11))
  await expect(readAll(readPages({ start: 0, end: 10 }, 4, outside))).rejects.toThrow(/outside/)
})
