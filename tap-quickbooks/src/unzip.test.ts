import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { unzip } from './unzip.ts'

const content = fc
  .tuple(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 500 }))
  .map(([bytes, times]) => Buffer.concat(Array<Uint8Array>(times).fill(bytes)))

test('all that is packed comes out, in however many parts it was packed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(content, { minLength: 1, maxLength: 3 }), async (parts) => {
      const packed = Buffer.concat(parts.map((part) => gzipSync(part)))
      expect((await unzip(packed)).equals(Buffer.concat(parts))).toBe(true)
    }),
  )
})

test('what is cut, or says a wrong length at its end, is refused', async () => {
  const packed = gzipSync('x'.repeat(1000))
  for (let end = 0; end < packed.length; end++)
    await expect(unzip(packed.subarray(0, end)), String(end)).rejects.toThrow()
  for (const length of [0, 999, 1001, 0xffffffff]) {
    const wrong = Buffer.from(packed)
    wrong.writeUInt32LE(length, packed.length - 4)
    await expect(unzip(wrong)).rejects.toThrow(/incorrect length check/)
  }
})
