import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { wholeLines } from './lines.ts'

async function linesOf(chunks: Buffer[], limit?: number): Promise<string[]> {
  const lines: string[] = []
  for await (const line of wholeLines(Readable.from(chunks, { objectMode: false }), limit))
    lines.push(line)
  return lines
}

test('lines are whole however the bytes are cut, also inside a character', async () => {
  const bytes = Buffer.from('uno\r\n\ndós ✓\ntres')
  const single = [...bytes].map((byte) => Buffer.from([byte]))
  expect(await linesOf(single)).toEqual(['uno', '', 'dós ✓', 'tres'])
  expect(await linesOf([bytes])).toEqual(['uno', '', 'dós ✓', 'tres'])
})

test('a line without end is given out in pieces, not gathered', async () => {
  const chunks = Array.from({ length: 5 }, () => Buffer.from('12345'))
  expect(await linesOf(chunks, 10)).toEqual(['1234512345', '1234512345', '12345'])
})
