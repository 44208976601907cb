import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readSeconds } from './rowtime.ts'

const read = (text: string): number => readSeconds(Buffer.from(`,${text},`), 1, text.length + 1)
const parse = (text: string): number => Math.floor(Date.parse(String(JSON.parse(text))) / 1000)

/** Of 1 to 3 digits, mostly two, and of those mostly ones that may be. */
const number = (most: number): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 20, arbitrary: fc.nat(most).map((n) => String(n).padStart(2, '0')) },
    { weight: 1, arbitrary: fc.stringMatching(/^[0-9 .:+-]{2}$/) },
    { weight: 1, arbitrary: fc.nat(999).map(String) },
  )
const year = fc.constantFrom('2024', '2024', '2025', '0000', '0099', '1969', '9999', '+2024')
const mark = (usual: string): fc.Arbitrary<string> =>
  fc.oneof({ weight: 20, arbitrary: fc.constant(usual) }, fc.constantFrom(' ', '/', '.', '-'))
const end = fc.constantFrom(
  '-08:00',
  '-07:00',
  '+05:45',
  '-25:00',
  '+10:99',
  'Z',
  '.123Z',
  ' PM MT',
)
const text = fc
  .tuple(
    fc.tuple(year, mark('-'), number(13), mark('-'), number(32), mark('T')),
    fc.tuple(number(24), mark(':'), number(60), mark(':'), number(60), end),
  )
  .map(([date, time]) => JSON.stringify([...date, ...time].join('')))

test('a time is what Date.parse makes of it, whichever was read before', () => {
  fc.assert(
    fc.property(fc.array(text, { minLength: 2, maxLength: 5 }), (texts) => {
      for (const text of texts) expect(read(text), text).toBe(parse(text))
    }),
    { numRuns: 5000 },
  )
})

test('times of one day are read one after the other', () => {
  for (const zone of ['-08:00', '+05:45'])
    for (const time of ['00:00:00', '23:59:59', '12:34:56', '24:00:00', '12:60:00', '1a:00:00']) {
      const text = `"2024-02-29T${time}${zone}"`
      expect(read(text), text).toBe(parse(text))
    }
})

test.each([
  'null',
  '5',
  '{}',
  '""',
  '"\\u0032024-01-01T00:00:00Z"',
  '"about this long, no time at"',
])('%s is what Date.parse makes of it', (text) => expect(read(text)).toBe(parse(text)))
