/**
 * Where waiting rows lie: outside of V8's heap, as the bytes that COPY sends, in pieces of memory
 * that are used again. Thousands of texts on the heap would cost several times their size.
 */

/** A piece of memory: `buffer` from `start` to `end`. */
export type Bytes = { buffer: Buffer; start: number; end: number }

export const SLAB_BYTES: number = 1024 * 1024

const free: Buffer[] = []

/** The memory of one batch. */
export type Slabs = {
  /** So many bytes, of any content, behind those that were taken before where they fit there. */
  take(size: number): Bytes
  /** Gives all of it back; what was taken must not be used any more. */
  release(): void
}

export function createSlabs(): Slabs {
  let slabs: Buffer[] = []
  let current: Buffer | undefined
  let used = 0

  return {
    take(size) {
      // What is long has memory of its own, which is not kept for others.
      if (size > SLAB_BYTES / 4) return { buffer: allocateLong(size), start: 0, end: size }
      if (current === undefined || used + size > SLAB_BYTES) {
        current = free.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES)
        slabs.push(current)
        used = 0
      }
      const start = used
      used += size
      return { buffer: current, start, end: used }
    },
    release() {
      free.push(...slabs)
      slabs = []
      current = undefined
    },
  }
}

function allocateLong(size: number): Buffer {
  // What waits to be used again is not held besides.
  free.splice(0, Math.ceil(size / SLAB_BYTES))
  return Buffer.allocUnsafeSlow(size)
}
