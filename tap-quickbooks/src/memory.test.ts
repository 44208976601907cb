import { expect, test } from 'vitest'
import { dropTexts, readAnswer, rowText } from './answer.ts'
import { release } from './memory.ts'

test('large memory is given back at once, small memory may be shared and stays', () => {
  const large = Buffer.alloc(100_000, 'x')
  const small = Buffer.from('small')
  for (const bytes of [large, small]) release(bytes)
  expect(large.length).toBe(0)
  expect(small.toString()).toBe('small')
})

test('rows whose texts are dropped keep all else, and their answer its memory no longer', () => {
  const row = (id: number): string =>
    `{"Id":"${id}","MetaData":{"LastUpdatedTime":"2026-05-05T05:16:21-07:00"}}`
  const texts = Array.from({ length: 1000 }, (_, n) => row(n))
  const body = Buffer.from(`{"QueryResponse":{"Item":[${texts.join(',')}]}}`)
  const rows = readAnswer(body).lists[0] ?? []
  expect(rows.map(rowText)).toEqual(texts)
  dropTexts(rows)
  expect(body.length).toBe(0)
  dropTexts(rows)
  expect(rows.map(({ id }) => id)).toEqual(texts.map((_, n) => String(n)))
  expect(rows.map(rowText).join('')).toBe('')
})
