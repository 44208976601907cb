import { expect, test } from 'vitest'
import * as books from '../../fixtures/books.ts'
import { groupDigits } from './differences.ts'
import { headlineOf } from './headline.ts'
import { html } from './html.ts'
import { type Inputs, makeModel } from './model.ts'
import { formatPage } from './page.ts'

const page = (inputs: Inputs): string => formatPage(makeModel(inputs))
const headlineFor = (inputs: Inputs) => headlineOf(makeModel(inputs))

test.each([
  [
    'good',
    books.goodBooks,
    'good',
    'All 3 streams are complete up to 2026-11-21 10:00 UTC; the last run, 3 h ago, went well; no difference from the source.',
  ],
  [
    'bad',
    books.badBooks,
    'bad',
    'No stream is complete; invoices has got to 2021-05-03 10:00 UTC (81 %); 1 stream with rows that cannot be read; the last run, 28 h ago, failed; 2 windows differ from the source.',
  ],
  [
    'first',
    books.firstBooks,
    'warn',
    '1 of 3 streams are complete up to 2026-11-20 07:00 UTC; invoices has got to 2019-03-01 00:00 UTC (42 %); a run is under way.',
  ],
  ['no', books.noBooks, 'warn', 'No run is on record yet.'],
])('%s books: the headline says it at a glance', (_, make, tone, text) => {
  expect(headlineFor(make())).toEqual({ tone, text })
})

const equal = books.comparison('invoices', '2024-03-01T00:00:00Z')

test.each([
  ['no window', books.check([]), 'there were no rows to compare with the source', 'good'],
  [
    'counts alone',
    books.check([equal], { isByRows: false }),
    'the counts of the source prove no loss',
    'good',
  ],
  [
    'no STATE',
    books.check([equal], { unknown: ['items'] }),
    'the comparison cannot tell whether all is loaded of items',
    'bad',
  ],
] as const)('a comparison with %s is not called equality', (_, check, words, tone) => {
  const inputs = { ...books.goodBooks(), checks: [check] }
  const { tone: found, text } = headlineFor(inputs)
  expect([found, text.split('; ').at(-1)]).toEqual([tone, `${words}.`])
  expect(page(inputs)).not.toMatch(/no difference|all are equal/)
})

test('without a run on record no comparison is good news', () => {
  const headline = headlineFor({ ...books.noBooks(), checks: [books.check([equal])] })
  expect(headline).toEqual({
    tone: 'warn',
    text: 'No run is on record yet; 1 window compared, and equal.',
  })
})

test('a count without rows, or without those of a stream that was loaded, is no good news', () => {
  const good = { ...books.goodBooks(), checks: undefined }
  const none = headlineFor({ ...good, counts: [] })
  expect(none.tone).toBe('bad')
  expect(none.text).toMatch(/; nothing is loaded, by the count that was given\.$/)
  expect(page({ ...good, counts: [] })).toContain('One that fails leaves its file empty, too')
  const cut = headlineFor({ ...good, counts: good.counts?.filter((one) => one.stream !== 'items') })
  expect(cut.tone).toBe('warn')
  expect(cut.text).toMatch(/; the count that was given has no rows of items\.$/)
})

test('sums have their thousands apart, to the last digit', () => {
  expect(page(books.badBooks())).toContain('>12,345,678.90<')
  expect(['-12345678901234567890.10', '999', '1e5', undefined].map(groupDigits)).toEqual([
    ...['-12,345,678,901,234,567,890.10', '999', '1e5', '–'],
  ])
})

test.each([
  ['killed', 'the last run, 1 h ago, was killed.'],
  ['stopped', 'the last run, 1 h ago, was stopped.'],
  ['incomplete', 'the last run, 1 h ago, left something to do.'],
] as const)('a run that is %s is said so', (result, words) => {
  const good = { ...books.goodBooks(), checks: undefined }
  const runs = [...good.runs, books.runBefore(1.7, { result })]
  expect(headlineFor({ ...good, runs }).text).toContain(words.replace('1 h', '2 h'))
})

test('a single run is a page too', () => {
  const good = books.goodBooks()
  expect(page({ ...good, runs: good.runs.slice(-1) })).toContain('1 run on record since')
})

test('the same input gives the same page, which is small and needs nothing else', () => {
  for (const make of [books.manyBooks, books.badBooks, books.hostileBooks]) {
    const text = page(make())
    expect(page(make())).toBe(text)
    expect(text.length).toBeLessThan(1_000_000)
    expect(text).not.toMatch(/<(script|link|iframe|object|img|form|base)\b/i)
    expect(text).not.toMatch(/\b(src|href|action|on\w+)\s*=\s*["']/i)
    expect(text).not.toMatch(/url\(|@import/)
    expect(text).not.toMatch(/undefined|NaN|\[object/)
  }
})

test('whatever comes from outside is text', () => {
  expect(html`<p title="${'"><b>&\u202e'}">${["'", 1, html`<i>`]}</p>`.html).toBe(
    '<p title="&quot;&gt;&lt;b&gt;&amp;\uFFFD">&#39;1<i></p>',
  )
  const text = page(books.hostileBooks())
  expect(text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;')
})

/** The stretches of a stream's strip: what each means. */
function strip(text: string, stream: string): string[] {
  const drawn = new RegExp(`aria-label="${stream}: complete from[^>]*>(.*?)</div>`).exec(text)?.[1]
  return [...(drawn ?? '').matchAll(/<i class="(\w+)"/g)].map(([, status]) => String(status))
}

test('the coverage map tells what is loaded, empty, missing, unreadable and different', () => {
  const text = page(books.badBooks())
  expect(strip(text, 'invoices')).toEqual([
    ...['done', 'differs', 'done', 'unreadable', 'done', 'failed', 'open'],
  ])
  expect(strip(text, 'customers')).toEqual(['done', 'empty', 'done', 'differs', 'done', 'failed'])
  expect(strip(page(books.firstBooks()), 'invoices')).toEqual([...['done', 'open', 'done', 'open']])
  // Nobody counted, and nothing was ever read.
  expect(strip(page(books.firstBooks()), 'items')).toEqual(['open'])
})

test('how to go on is the command of the last run, and how to load a window again', () => {
  const text = page(books.badBooks()).replaceAll('&#39;', "'")
  expect(text).toContain(`cd /opt/books
npx singer-run --tap 'tap-quickbooks --config quickbooks.json' --target 'target-postgres-raw --config postgres.json' --state state/quickbooks.json`)
  expect(
    text,
  ).toContain(`TAP_QUICKBOOKS_START_DATE=2019-03-01T00:00:00Z TAP_QUICKBOOKS_END_DATE=2019-03-31T00:00:00Z \\
TARGET_POSTGRES_RAW_STATE_ID=window \\
npx singer-run --tap 'tap-quickbooks --config quickbooks.json --config ENV' --target 'target-postgres-raw --config postgres.json --config ENV' --state state/window-20190301T000000Z-checked-20261121T120000Z.json`)
})

test('a window with rows that are extra alone is not loaded again, and another command goes on where one is given', () => {
  const extra = books.comparison('items', '2024-03-01T00:00:00Z', { extra: 2 })
  const text = page({
    ...books.goodBooks(),
    checks: [books.check([extra])],
    goOn: 'cd /demo\nnpm start',
  })
  expect(text).not.toContain('TAP_QUICKBOOKS_START_DATE')
  expect(text).toContain('2 rows of the tables are not at the source any more.')
  expect(text).toContain('<pre>cd /demo\nnpm start</pre>')
  expect(text).not.toContain('npx singer-run --tap')
})

test('the axis of time says where it ends', () => {
  const [axis] = /<div class="ticks">.*?<\/div>/.exec(page(books.goodBooks())) ?? []
  expect([...(axis ?? '').matchAll(/>([\d-]+)</g)].map(([, label]) => label)).toEqual([
    ...['2018', '2020', '2022', '2024', '2026-11'],
  ])
})

test('calls are added up by month, against the quota', () => {
  const text = page({ ...books.goodBooks(), quota: 1000 })
  // 21 runs of the last 45 began in November, six calls each.
  expect(text).toContain('126 metered calls in 2026-11, 13 % of a quota of\n1,000 a month')
})
