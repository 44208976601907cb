import { expect, test } from 'vitest'
import { quoteWords, redactText, redactWords } from './redact.ts'

test.each([
  [['tap', '--config', 'a b.json'], "tap --config 'a b.json'"],
  [['tap', '--token', 'abc', '--token-file', 't.json'], "tap --token '***' --token-file t.json"],
  [['tap', '--api-key=abc', '-x'], "tap '--api-key=***' -x"],
  [['tap', 'postgres://me:pass@host/db'], "tap 'postgres://me:***@host/db'"],
  [['sh', '-c', 'DB_PASSWORD="a b" tap'], "sh -c 'DB_PASSWORD=*** tap'"],
  [['tap', "it's"], "tap 'it'\\''s'"],
])('the words %j are written down as %s', (words, line) => {
  expect(quoteWords(redactWords(words))).toBe(line)
})

test('a line of another program loses what looks like a secret', () => {
  expect(redactText('GET https://me:pw@host/?access_token=abc&x=1 Bearer abcdefghijkl')).toBe(
    'GET https://me:***@host/?access_token=***&x=1 Bearer ***',
  )
  expect(redactText('a cursor= b')).toBe('a cursor= b')
})
