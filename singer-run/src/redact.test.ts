import { expect, test } from 'vitest'
import {
  quoteWords,
  redactForeignText,
  redactForeignWords,
  redactText,
  redactWords,
} from './redact.ts'

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
  expect(redactText('postgres://u:a/b@c@h/x')).toBe('postgres://u:***@h/x')
  expect(redactText('a cursor= b')).toBe('a cursor= b')
})

test.each([
  [['-c', 'tap --password SEKRET'], '-c ***'],
  [['--db', 'postgres://u:SEK/RET@h/x', '-pSEKRET', 'run'], '--db *** -p*** ***'],
  [['--conf={"password":"SEKRET"}', '--verbose'], '--conf=*** --verbose'],
  [
    ['--pass', 'SEKRET', '--auth', '--SEKRET', '--key', '-SEKRET'],
    '--pass *** --auth *** --key ***',
  ],
])('of the words %j of a program of others only the flags are kept', (words, kept) => {
  expect(redactForeignWords(words).join(' ')).toBe(kept)
})

test.each([
  ['WARNING password: SEKRET', 'WARNING password:***'],
  ['{"a":{"api_key" : "SEKRET"}}', '{"a":{"api_key" :***'],
  ["{'auth': ['SEKRET']}", "{'auth':***"],
  ['{"text":"{\\"client_secret\\":\\"SEKRET\\"}"}', '{"text":"{\\"client_secret\\":***'],
  ['unknown: --passphrase SEKRET', 'unknown: --passphrase ***'],
  ['unknown: -pass=SEKRET', 'unknown: -pass=***'],
  ['at postgres://u:SEK/R@T@h/x and so on', 'at postgres://***@h/x and so on'],
  ['at https://SEKRET@h/x', 'at https://***@h/x'],
  ['INFO 12 rows; the token has expired', 'INFO 12 rows; the token has expired'],
])('of the line %j of a program of others what may be a secret goes', (line, kept) => {
  expect(redactForeignText(line)).toBe(kept)
})
