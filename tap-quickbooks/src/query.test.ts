import { expect, test } from 'vitest'
import { countQuery, newestQuery, selectQuery } from './query.ts'
import { STREAMS, type Stream } from './streams.ts'

const range = { start: Date.UTC(2024, 0, 1) / 1000, end: Date.UTC(2024, 1, 1) / 1000 }
const stream = (name: string): Stream => STREAMS.find((one) => one.name === name) as Stream

test('a query for transactions is ordered by the time of the last change, with UTC bounds', () => {
  expect(selectQuery(stream('invoices'), range, { startPosition: 1, maxResults: 1000 })).toBe(
    "select * from Invoice where MetaData.LastUpdatedTime >= '2024-01-01T00:00:00Z' " +
      "AND MetaData.LastUpdatedTime < '2024-02-01T00:00:00Z' " +
      'ORDERBY MetaData.LastUpdatedTime STARTPOSITION 1 MAXRESULTS 1000',
  )
})

test('a query for a name list asks for inactive rows too', () => {
  for (const name of ['customers', 'items'])
    expect(selectQuery(stream(name), range, { startPosition: 51, maxResults: 7 })).toMatch(
      / AND Active IN \(true,false\) ORDERBY MetaData\.LastUpdatedTime STARTPOSITION 51 MAXRESULTS 7$/,
    )
})

test('a count has the same bounds', () => {
  expect(countQuery(stream('items'), range)).toBe(
    "select count(*) from Item where MetaData.LastUpdatedTime >= '2024-01-01T00:00:00Z' " +
      "AND MetaData.LastUpdatedTime < '2024-02-01T00:00:00Z' AND Active IN (true,false)",
  )
})

test('the newest rows are the first of the opposite order', () => {
  expect(newestQuery(stream('invoices'), range, 7)).toMatch(
    /LastUpdatedTime < '2024-02-01T00:00:00Z' ORDERBY MetaData\.LastUpdatedTime DESC STARTPOSITION 1 MAXRESULTS 7$/,
  )
})
