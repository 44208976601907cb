/**
 * Where the payloads of waiting rows lie: outside of V8's heap, one byte a character of ASCII, in
 * pieces that are used again. Thousands of texts on the heap would cost several times their size.
 */

/** A piece of memory: `buffer` from `start` to `end`. */
export type Bytes = { buffer: Buffer; start: number; end: number }

const SLAB_BYTES = 1024 * 1024

const free: Buffer[] = []

/** Longer texts are worked on in pieces, so that no copy of the whole is made on the way. */
const PIECE_CHARACTERS = 64 * 1024

/** The memory of one batch. */
export type Slabs = {
  /** Keeps the text as `encode` makes it, which must do with each character by itself. */
  keep(text: string, encode: (piece: string) => string): Bytes
  /** Keeps the pieces one after the other; with each backslash doubled, if they have any. */
  keepBytes(pieces: readonly Bytes[], isEscaped: boolean): Bytes
  /** Gives all of it back; what was kept must not be used any more. */
  release(): void
}

export function createSlabs(): Slabs {
  let slabs: Buffer[] = []
  let current: Buffer | undefined
  let used = 0

  /** Memory for so many bytes; `current` from `used` on. */
  function makeRoom(bytes: number): Buffer {
    if (current === undefined || used + bytes > SLAB_BYTES) {
      current = free.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES)
      slabs.push(current)
      used = 0
    }
    return current
  }

  return {
    keep(text, encode) {
      // A long text has memory of its own, which is not kept for others.
      if (text.length > SLAB_BYTES / 4) return keepLong(text, encode)
      const encoded = encode(text)
      const most = encoded.length * 3
      const buffer = makeRoom(used + most <= SLAB_BYTES ? most : Buffer.byteLength(encoded))
      const start = used
      used += buffer.write(encoded, start)
      return { buffer, start, end: used }
    },
    keepBytes(pieces, isEscaped) {
      let size = 0
      for (const { start, end } of pieces) size += end - start
      if (isEscaped) for (const piece of pieces) size += countBackslashes(piece)
      const isLong = size > SLAB_BYTES / 4
      const buffer = isLong ? allocateLong(size) : makeRoom(size)
      const start = isLong ? 0 : used
      let end = start
      for (const piece of pieces)
        end = isEscaped
          ? copyEscaped(piece, buffer, end)
          : end + piece.buffer.copy(buffer, end, piece.start, piece.end)
      if (!isLong) used = end
      return { buffer, start, end }
    },
    release() {
      free.push(...slabs)
      slabs = []
      current = undefined
    },
  }
}

function keepLong(text: string, encode: (piece: string) => string): Bytes {
  let size = 0
  for (const piece of piecesOf(text)) size += Buffer.byteLength(encode(piece))
  const buffer = allocateLong(size)
  let used = 0
  for (const piece of piecesOf(text)) used += buffer.write(encode(piece), used)
  return { buffer, start: 0, end: size }
}

function allocateLong(size: number): Buffer {
  // What waits to be used again is not held besides.
  free.splice(0, Math.ceil(size / SLAB_BYTES))
  return Buffer.allocUnsafeSlow(size)
}

const BACKSLASH = 0x5c

function countBackslashes({ buffer, start, end }: Bytes): number {
  let count = 0
  for (let at = start; at < end; at++) if (buffer[at] === BACKSLASH) count++
  return count
}

/** Gives the position after the copy. */
function copyEscaped({ buffer, start, end }: Bytes, to: Buffer, at: number): number {
  let used = at
  for (let from = start; from < end; ) {
    const found = buffer.indexOf(BACKSLASH, from)
    const isEnd = found === -1 || found >= end
    const stop = isEnd ? end : found + 1
    used += buffer.copy(to, used, from, stop)
    if (!isEnd) to[used++] = BACKSLASH
    from = stop
  }
  return used
}

/** Never between the two halves of a character. */
function* piecesOf(text: string): Generator<string, void, void> {
  for (let start = 0, end = 0; start < text.length; start = end) {
    end = start + PIECE_CHARACTERS
    if ((text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end++
    yield text.slice(start, end)
  }
}
