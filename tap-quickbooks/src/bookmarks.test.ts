import { expect, test } from 'vitest'
import { firstBookmark, formatBookmark, readBookmark } from './bookmarks.ts'

const at = (text: string): number => Date.parse(text) / 1000

const full = {
  replication_key: 'MetaData.LastUpdatedTime',
  replication_key_value: '2024-03-01T00:00:00Z',
  completed_ranges: [['2024-04-01T00:00:00Z', '2024-05-01T00:00:00Z']],
  open_seconds: [{ second: '2024-03-01T00:00:00Z', start_position: 951, known_ids: ['7', '6'] }],
  deletions_known_to: '2024-06-01T00:00:00Z',
  version: 1717200000,
  reloading: true,
  since: '2016-01-01T00:00:00Z',
  rows: 12,
  calls: 3,
  last_window: ['2024-02-01T00:00:00Z', '2024-03-01T00:00:00Z'],
}

test('a bookmark that is read and written says the same, with members of others kept', () => {
  const state = { bookmarks: { invoices: { ...full, note: { by: 'somebody' } } } }
  const bookmark = readBookmark(state, 'invoices')
  if (bookmark === undefined) throw new Error('no bookmark')
  expect(bookmark.progress).toEqual({
    lowWater: at('2024-03-01T00:00:00Z'),
    ranges: [{ start: at('2024-04-01T00:00:00Z'), end: at('2024-05-01T00:00:00Z') }],
  })
  expect(formatBookmark(bookmark)).toEqual({ ...full, note: { by: 'somebody' } })
})

test('a stream without a bookmark, or with one that has no value, is read from the start', () => {
  for (const state of [
    {},
    { bookmarks: {} },
    { bookmarks: { invoices: null } },
    { bookmarks: { invoices: {} } },
    { bookmarks: { invoices: { replication_key_value: null } } },
  ])
    expect(readBookmark(state, 'invoices')).toBeUndefined()
})

test('the bookmark of another tap, with an offset or a date only, is understood', () => {
  for (const [value, instant] of [
    ['2024-02-29T16:00:00-08:00', '2024-03-01T00:00:00Z'],
    ['2024-03-01', '2024-03-01T00:00:00Z'],
    ['2024-03-01T00:00:00.999Z', '2024-03-01T00:00:00Z'],
  ] as const) {
    const state = { bookmarks: { items: { replication_key_value: value } } }
    expect(readBookmark(state, 'items')?.progress.lowWater).toBe(at(instant))
  }
})

test('every fault of a bookmark is named', () => {
  const state = {
    bookmarks: {
      items: { replication_key_value: 'yesterday', completed_ranges: [['2024-01-01T00:00:00Z']] },
    },
  }
  expect(() => readBookmark(state, 'items')).toThrow(
    /bookmarks\.items\.replication_key_value is not a time: "yesterday"\n.*completed_ranges/,
  )
  expect(() => readBookmark({ bookmarks: { items: 'x' } }, 'items')).toThrow(/not an object/)
})

test.each([
  ['replication_key_value', '12024-01-01T00:00:00Z', /replication_key_value is not a time/],
  ['replication_key_value', '+012024-01-01T00:00:00Z', /replication_key_value is not a time/],
  ['replication_key_value', '9999-12-31T23:00:00-05:00', /replication_key_value is not a time/],
  ['since', '0000-01-01T00:00:00+05:00', /since is not a time/],
  ['since', 8.64e15, /since is not a time: 8640000000000000$/],
  ['rows', 1e300, /rows is no whole number: 1e\+300/],
  ['rows', Number.POSITIVE_INFINITY, /rows is no whole number/],
  ['calls', -1, /calls is no whole number: -1/],
  ['calls', '7', /calls is no whole number: "7"/],
  ['version', 1.5, /version is no whole number/],
  ['open_seconds', [{ ...full.open_seconds[0], start_position: 1e99 }], /open_seconds is no whole/],
])('%s %j in a bookmark is a fault', (name, value, message) => {
  const state = { bookmarks: { items: { ...full, [name]: value } } }
  expect(() => readBookmark(state, 'items')).toThrow(message)
})

test('the ends of the calendar are times', () => {
  for (const value of ['9999-12-31T23:59:59Z', '0000-01-01T00:00:00Z']) {
    const state = { bookmarks: { items: { replication_key_value: value } } }
    const bookmark = readBookmark(state, 'items')
    if (bookmark === undefined) throw new Error('no bookmark')
    expect(formatBookmark(bookmark)).toMatchObject({ replication_key_value: value })
  }
})

test('a first bookmark begins at start_date', () => {
  expect(formatBookmark(firstBookmark(at('2020-01-01T00:00:00Z'), undefined))).toEqual({
    replication_key: 'MetaData.LastUpdatedTime',
    replication_key_value: '2020-01-01T00:00:00Z',
    since: '2020-01-01T00:00:00Z',
    rows: 0,
    calls: 0,
  })
})
