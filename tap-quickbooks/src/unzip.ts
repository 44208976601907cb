import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import { release } from './memory.ts'

const inflate = promisify(gunzip)

/** Of zlib. */
const LEAST_CHUNK_BYTES = 64
/** More than an answer has; what its end says may be wrong. */
const MOST_CHUNK_BYTES = 16 * 1024 * 1024

/**
 * What gzip has packed. It ends with how much that is: with room for all of it, nothing is put
 * together from pieces, which takes half of the time and of the memory. `bytes` are released.
 */
export async function unzip(bytes: Buffer): Promise<Buffer> {
  const said = bytes.length < 4 ? 0 : bytes.readUInt32LE(bytes.length - 4)
  // Were there no room left at the end, more would be taken.
  const chunkSize = Math.min(Math.max(said + 1, LEAST_CHUNK_BYTES), MOST_CHUNK_BYTES)
  const plain = await inflate(bytes, { chunkSize })
  release(bytes)
  return plain
}
