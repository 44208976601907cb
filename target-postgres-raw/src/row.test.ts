import { objectMembers, type ReadRecord } from '@singer-io-ts/core'
import { expect, test } from 'vitest'
import { makeId, makeRow } from './row.ts'
import type { Table } from './table.ts'

const table: Table = {
  stream: 's',
  name: 's',
  qualified: '"raw"."s"',
  number: 1,
  payloadType: 'jsonb',
  keyProperties: ['Id'],
}

function read(text: string, more: Partial<ReadRecord> = {}): ReadRecord {
  return {
    type: 'RECORD',
    line: 7,
    stream: 's',
    text,
    members: objectMembers(text).members,
    record: JSON.parse(text),
    timeExtracted: undefined,
    version: undefined,
    ...more,
  }
}

test('one key is its text, several are a JSON array, numbers keep their digits', () => {
  expect(makeId(read('{"Id":"a b"}'), ['Id'])).toBe('a b')
  expect(makeId(read('{"Id":12345678901234567890.10}'), ['Id'])).toBe('12345678901234567890.10')
  expect(makeId(read('{"Id":1, "Id": 9007199254740993}'), ['Id'])).toBe('9007199254740993')
  expect(makeId(read('{"Id":true}'), ['Id'])).toBe('true')
  expect(makeId(read('{"Id":""}'), ['Id'])).toBe('')
  expect(makeId(read('{"b":1.0,"a":"x\\u00e9,\\"","c":false}'), ['a', 'b', 'c'])).toBe(
    '["xé,\\"",1.0,false]',
  )
  expect(makeId(read('{"__proto__":"p"}'), ['__proto__'])).toBe('p')
})

test('a keyless record has the hash of its text', () => {
  expect(makeId(read('{"a":1}'), [])).toBe(
    '015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862',
  )
  expect(makeId(read('{"a": 1}'), [])).not.toBe(makeId(read('{"a":1}'), []))
})

test.each([
  ['{}', "lacks it as key 'Id'"],
  ['{"Id":null}', "has null as key 'Id'"],
  ['{"Id":[1]}', "has an array as key 'Id'"],
  ['{"Id":{}}', "has an object as key 'Id'"],
])('the key of %s is bad input', (text, message) => {
  expect(() => makeRow(read(text), table)).toThrow(`line 7: a record of stream 's' ${message}`)
})

test('the origin members become columns and leave the payload', () => {
  const text =
    '{"Id":"1","_sdc_page_number":2,"x":1.10,"_sdc_page_size":1000,' +
    '"_sdc_extract_window_start_utc":"2024-01-01T00:00:00Z",' +
    '"_sdc_extract_window_end_utc":"2024-01-31T00:00:00Z",' +
    '"_sdc_request_payload":{"query":"a\\u0000"},"_sdc_sequence":5}'
  expect(
    makeRow(read(text, { timeExtracted: '2024-02-01T00:00:00Z', version: '9' }), table),
  ).toEqual({
    table,
    stream: 's',
    line: 7,
    place: undefined,
    id: '1',
    exactId: '1',
    payload: '{"Id":"1","x":1.10,"_sdc_sequence":5}',
    payloadSource: text,
    windowStart: '2024-01-01T00:00:00.000000Z',
    windowEnd: '2024-01-31T00:00:00.000000Z',
    pageNumber: '2',
    pageSize: '1000',
    requestPayload: '{"query":"a\\ufffd"}',
    extractedAt: '2024-02-01T00:00:00.000000Z',
    deletedAt: undefined,
    version: '9',
    unusable: [],
  })
})

test('an origin member that is not what its column holds stays in the payload', () => {
  const text = '{"Id":"1","_sdc_page_number":"two","_sdc_deleted_at":"today","_sdc_page_size":1e3}'
  const row = makeRow(read(text, { timeExtracted: 'now' }), table)
  expect(row.payload).toBe(text)
  expect(row.unusable).toEqual([
    'time_extracted',
    '_sdc_page_number',
    '_sdc_deleted_at',
    '_sdc_page_size',
  ])
  expect([row.pageNumber, row.pageSize, row.deletedAt, row.extractedAt]).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})

test('a null origin member is an empty column', () => {
  const row = makeRow(read('{"Id":"1","_sdc_deleted_at":null}'), table)
  expect([row.payload, row.deletedAt, row.unusable]).toEqual(['{"Id":"1"}', undefined, []])
})

test('with json the payload stays as sent, and only the id is cleaned', () => {
  const text = String.raw`{"Id":"a\u0000"}`
  const row = makeRow(read(text), { ...table, payloadType: 'json' })
  expect([row.payload, row.payloadSource, row.id, row.exactId]).toEqual([
    text,
    undefined,
    'a�',
    'a\0',
  ])
})
