import { expect, test } from 'vitest'
import { replaceInJson, replaceInText } from './characters.ts'

test('U+FFFD stands for what Postgres cannot store, and only for that', () => {
  const texts: [string, string][] = [
    [String.raw`{"a":"x\u0000y"}`, String.raw`{"a":"x\ufffdy"}`],
    [String.raw`{"a\u0000":1}`, String.raw`{"a\ufffd":1}`],
    [String.raw`{"a":"\\u0000"}`, String.raw`{"a":"\\u0000"}`],
    [String.raw`{"a":"\\\u0000"}`, String.raw`{"a":"\\\ufffd"}`],
    [String.raw`{"a":"\ud83d\ude00"}`, String.raw`{"a":"\ud83d\ude00"}`],
    [String.raw`{"a":"\uD83D"}`, String.raw`{"a":"\ufffd"}`],
    [String.raw`{"a":"\ude00\ud83d"}`, String.raw`{"a":"\ufffd\ufffd"}`],
    [String.raw`{"a":"\ud83d\\ude00"}`, String.raw`{"a":"\ufffd\\ude00"}`],
    [String.raw`{"a":"\ud83d\ud83d\ude00"}`, String.raw`{"a":"\ufffd\ud83d\ude00"}`],
    [String.raw`{"a":"\u0041\n\""}`, String.raw`{"a":"\u0041\n\""}`],
    ['{"a":"😀"}', '{"a":"😀"}'],
  ]
  for (const [json, replaced] of texts) expect(replaceInJson(json)).toBe(replaced)
})

test('a decoded text is cleaned alike', () => {
  expect(replaceInText('a\0b\ud83dc😀\ude00')).toBe('a�b�c😀�')
})
