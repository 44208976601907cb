import { expect, test } from 'vitest'
import { readChecks } from './checks.ts'

const WINDOW =
  '{"stream":"invoices","extract_window_start_utc":"2026-01-01T00:00:00Z",' +
  '"extract_window_end_utc":"2026-01-31T00:00:00Z","is_equal":false,"missing":2}\n'
const EQUAL = WINDOW.replace('false', 'true')

const closing = (windows: number, differing: number, more: object = {}) =>
  `${JSON.stringify({
    ...{ type: 'summary', kind: 'rows', as_of: '2026-02-01T00:00:00Z' },
    ...{ streams: ['invoices', 'items'], unknown: ['items'], windows, differing, ...more },
  })}\n`

test('the lines of one call of verify, or of several behind each other', () => {
  const [one, other, ...rest] = readChecks(
    WINDOW + EQUAL + closing(2, 1) + closing(0, 0, { kind: 'windows' }),
  )
  expect(one).toMatchObject({
    ...{ isByRows: true, asOf: '2026-02-01T00:00:00Z' },
    ...{ streams: ['invoices', 'items'], unknown: ['items'] },
    windows: [{ stream: 'invoices', isEqual: false, counts: { missing: 2 } }, { isEqual: true }],
  })
  expect(other).toMatchObject({ isByRows: false, windows: [] })
  expect(rest).toEqual([])
})

test.each([
  ['', /^is empty, so verify failed before it compared: see .* stderr, then run verify again/],
  ['\n\n', /^is empty/],
  [WINDOW, /^has no closing line after its last line, so verify broke off/],
  [WINDOW + closing(1, 1) + EQUAL + WINDOW, /^has no closing line after its last 2 lines/],
  [closing(1, 1), /^line 1 closes 1 windows, 1 of them different, but 0 and 0 came/],
  [EQUAL + closing(1, 1), /^line 2 closes 1 windows, 1 of them different, but 1 and 0 came/],
  [closing(0, 0, { as_of: null }), /^line 1 has no as_of/],
  [closing(-1, 0), /^line 1 has no count of windows/],
  [WINDOW.slice(0, 40), /^line 1 is not JSON/],
])('what is no whole comparison is none: %#', (text, says) => {
  expect(() => readChecks(text)).toThrow(says)
})
