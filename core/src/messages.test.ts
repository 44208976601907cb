import { expect, test } from 'vitest'
import { formatActivateVersion, formatRecord, formatSchema, formatState } from './messages.ts'

test('a SCHEMA line holds the stream, its schema and its keys', () => {
  expect(
    formatSchema({ stream: 'items', schema: { type: 'object' }, key_properties: ['Id'] }),
  ).toBe('{"type":"SCHEMA","stream":"items","schema":{"type":"object"},"key_properties":["Id"]}')
})

test("a RECORD line passes the record's text on to the letter", () => {
  const text = '{ "a": 1.10, "b" :1e400,"a":"\\u0041\\/" }'
  expect(formatRecord('a "b"\n', text)).toBe(
    `{"type":"RECORD","stream":"a \\"b\\"\\n","record":${text}}`,
  )
  expect(formatRecord('s', '{}', { version: 5, timeExtracted: '2024-01-01T00:00:00Z' })).toBe(
    '{"type":"RECORD","stream":"s","record":{},"version":5,"time_extracted":"2024-01-01T00:00:00Z"}',
  )
})

test('a record that was printed over several lines becomes one line, its values untouched', () => {
  const line = formatRecord('s', '{\r\n  "a": 1.10,\n  "b": "x\\ny"\n}')
  expect(line).not.toMatch(/[\r\n]/)
  expect(line).toContain('"a": 1.10,')
  expect(JSON.parse(line).record).toEqual({ a: 1.1, b: 'x\ny' })
})

test('STATE and ACTIVATE_VERSION lines', () => {
  expect(formatState({ bookmarks: {} })).toBe('{"type":"STATE","value":{"bookmarks":{}}}')
  expect(formatActivateVersion('s', 7)).toBe('{"type":"ACTIVATE_VERSION","stream":"s","version":7}')
})
