/**
 * Where the payloads of waiting rows lie: outside of V8's heap, one byte a character of ASCII, in
 * pieces that are used again. Thousands of texts on the heap would cost several times their size.
 */

/** A piece of memory: `buffer` from `start` to `end`. */
export type Bytes = { buffer: Buffer; start: number; end: number }

const SLAB_BYTES = 1024 * 1024

const free: Buffer[] = []

/** The memory of one batch. */
export type Slabs = {
  keep(text: string): Bytes
  /** Gives all of it back; what was kept must not be used any more. */
  release(): void
}

export function createSlabs(): Slabs {
  let slabs: Buffer[] = []
  let current: Buffer | undefined
  let used = 0

  return {
    keep(text) {
      const most = text.length * 3
      const bytes = used + most <= SLAB_BYTES ? most : Buffer.byteLength(text)
      // A long text has memory of its own, which is not kept for others.
      if (bytes > SLAB_BYTES / 4) {
        const buffer = Buffer.from(text)
        return { buffer, start: 0, end: buffer.length }
      }
      if (current === undefined || used + bytes > SLAB_BYTES) {
        current = free.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES)
        slabs.push(current)
        used = 0
      }
      const start = used
      used += current.write(text, start)
      return { buffer: current, start, end: used }
    },
    release() {
      free.push(...slabs)
      slabs = []
      current = undefined
    },
  }
}

export function isSameBytes(a: Bytes, b: Bytes): boolean {
  return a.buffer.compare(b.buffer, b.start, b.end, a.start, a.end) === 0
}
