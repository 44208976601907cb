import { PassThrough, Writable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ClosedOutputError } from './errors.ts'
import { createWriter } from './writer.ts'

const LINE = 'x'.repeat(1023)

test('lines come out in order, each with a newline, whatever their lengths', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          fc.string({ unit: 'grapheme' }),
          fc.nat(200_000).map((n) => 'é'.repeat(n)),
        ),
      ),
      async (lines) => {
        const pipe = new PassThrough()
        const read = text(pipe)
        const writer = createWriter(pipe)
        for (const line of lines) await writer.write(line)
        await writer.flush()
        pipe.end()
        expect(await read).toBe(lines.map((line) => `${line}\n`).join(''))
      },
    ),
    { numRuns: 50 },
  )
})

test('a line may come in pieces of text and of bytes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.array(
          fc
            .tuple(fc.string({ unit: 'grapheme' }), fc.nat(40_000), fc.boolean())
            .map(([text, times, isBytes]) => ({ text: text + 'é'.repeat(times), isBytes })),
        ),
        { maxLength: 5 },
      ),
      async (lines) => {
        const pipe = new PassThrough()
        const read = text(pipe)
        const writer = createWriter(pipe)
        for (const pieces of lines)
          await writer.write(pieces.map((one) => (one.isBytes ? Buffer.from(one.text) : one.text)))
        await writer.flush()
        pipe.end()
        const wanted = lines.map((pieces) => `${pieces.map((one) => one.text).join('')}\n`)
        expect(await read).toBe(wanted.join(''))
      },
    ),
    { numRuns: 50 },
  )
})

test('lines of callers that write at the same time are never mixed', async () => {
  const pipe = new PassThrough({ highWaterMark: 100 })
  const read = text(pipe)
  const writer = createWriter(pipe)
  const lines = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(30_000))
  await Promise.all(
    lines.map(async (line) => {
      for (let i = 0; i < 20; i++) await writer.write(line)
    }),
  )
  await writer.flush()
  pipe.end()
  const found = (await read).split('\n')
  expect(found.pop()).toBe('')
  expect([...found].sort()).toEqual(lines.flatMap((line) => Array(20).fill(line)))
})

test('small lines are gathered for few writes, and flush hands them over at once', async () => {
  const writes: string[] = []
  const stream = new Writable({
    write(chunk, _, done) {
      writes.push(String(chunk))
      done()
    },
  })
  const writer = createWriter(stream)
  for (let i = 0; i < 640; i++) await writer.write(LINE)
  expect(writes).toHaveLength(10)
  expect(writer.write('last')).toBeUndefined()
  expect(writes).toHaveLength(10)
  await writer.flush()
  expect(writes[10]).toBe('last\n')
})

test('a stalled reader makes the writer wait: what is kept in memory stays bounded', async () => {
  const pipe = new PassThrough({ highWaterMark: 1024 })
  const writer = createWriter(pipe)
  let written = 0
  const isDone = (async () => {
    for (; written < 10_000; written++) await writer.write(LINE)
    await writer.flush()
    pipe.end()
  })()
  // Everything that can happen without the reader has happened.
  for (let i = 0; i < 1000; i++) await new Promise(setImmediate)
  expect(written * 1024).toBeLessThan(256 * 1024)
  expect(pipe.readableLength + pipe.writableLength).toBeLessThan(256 * 1024)
  expect((await buffer(pipe)).length).toBe(10_000 * 1024)
  await isDone
})

test('flush waits until the stream has taken everything', async () => {
  const taken: string[] = []
  let release = (): void => {}
  const stream = new Writable({
    write(chunk, _, done) {
      taken.push(String(chunk))
      release = done
    },
  })
  const writer = createWriter(stream)
  void writer.write('a')
  let isFlushed = false
  const flushed = writer.flush().then(() => {
    isFlushed = true
  })
  await new Promise(setImmediate)
  expect(taken).toEqual(['a\n'])
  expect(isFlushed).toBe(false)
  release()
  await flushed
})

test('flush with nothing to write is no write and no failure', async () => {
  const pipe = new PassThrough()
  await createWriter(pipe).flush()
  expect(pipe.readableLength).toBe(0)
})

const epipe = (): Error => Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })

test('a reader that has gone makes write and flush reject with ClosedOutputError', async () => {
  const stream = new Writable({ write: (_chunk, _encoding, done) => done(epipe()) })
  const writer = createWriter(stream)
  await expect(writer.write('x'.repeat(70_000))).rejects.toThrow(ClosedOutputError)
  await expect(writer.flush()).rejects.toMatchObject({ code: 141, cause: { code: 'EPIPE' } })
  await expect(writer.write('x'.repeat(70_000))).rejects.toThrow(ClosedOutputError)
})

test('a write that waits for a reader rejects when the reader goes', async () => {
  const pipe = new PassThrough({ highWaterMark: 1 })
  const writer = createWriter(pipe)
  await writer.write('a')
  const waiting = Promise.all([writer.flush(), writer.write('x'.repeat(70_000))])
  pipe.destroy()
  await expect(waiting).rejects.toThrow(ClosedOutputError)
})

test('a stream that was gone before rejects as well', async () => {
  const destroyed = new PassThrough()
  destroyed.destroy()
  await expect(createWriter(destroyed).flush()).rejects.toThrow(ClosedOutputError)
  const ended = new PassThrough()
  ended.resume().end()
  await new Promise((resolve) => ended.once('close', resolve))
  await expect(createWriter(ended).flush()).rejects.toThrow(ClosedOutputError)
})
