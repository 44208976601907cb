/** Values as COPY's binary format has them: numbers with the highest byte first. */
import type { Instant } from './instant.ts'

/** The length of a value that is null. */
export const NULL_LENGTH = -1

/** Each gives the position behind what it wrote. */
export function putShort(buffer: Buffer, at: number, value: number): number {
  buffer[at] = value >> 8
  buffer[at + 1] = value
  return at + 2
}

export function putInteger(buffer: Buffer, at: number, value: number): number {
  buffer[at] = value >> 24
  buffer[at + 1] = value >> 16
  buffer[at + 2] = value >> 8
  buffer[at + 3] = value
  return at + 4
}

/** Texts of few characters, as most ids are, are not worth a call out of JavaScript. */
const FEW = 24

/** A text without its length. */
export function putText(buffer: Buffer, start: number, text: string): number {
  const { length } = text
  if (length > FEW) return start + buffer.write(text, start)
  for (let at = 0; at < length; at++) {
    const unit = text.charCodeAt(at)
    if (unit > 0x7f) return start + buffer.write(text, start)
    buffer[start + at] = unit
  }
  return start + length
}

/** Bytes of UTF-8. */
export function sizeOfText(text: string): number {
  const { length } = text
  if (length > FEW) return Buffer.byteLength(text)
  for (let at = 0; at < length; at++) if (text.charCodeAt(at) > 0x7f) return Buffer.byteLength(text)
  return length
}

const SECONDS_TO_2000 = 946_684_800n

/** Microseconds since 2000, as a timestamptz is sent. */
export function toMicroseconds(instant: Instant): bigint {
  const seconds = BigInt(Date.parse(`${instant.slice(0, 19)}Z`)) / 1000n
  return (seconds - SECONDS_TO_2000) * 1_000_000n + BigInt(instant.slice(20, 26))
}
