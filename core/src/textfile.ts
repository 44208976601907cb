import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { jsonBreak } from './json.ts'

/** The text of a UTF-8 file, less a byte order mark. Throws an Error that says what is wrong. */
export function readText(path: string): string {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (cause) {
    throw new Error(`cannot be read (${(cause as Error).message})`, { cause })
  }
  if (isUtf16(bytes)) throw new Error('is UTF-16 text; save it as UTF-8')
  if (!isUtf8(bytes)) throw new Error('is not UTF-8 text; save it as UTF-8')
  return bytes.toString('utf8').replace(/^\uFEFF/, '')
}

/** Where a text that JSON.parse refuses breaks off. V8's own message quotes it, secrets too. */
export function brokenLine(text: string): number {
  return text.trimEnd().slice(0, jsonBreak(text)).split('\n').length
}

/** By its mark, or since the first character of JSON is one of ASCII. */
function isUtf16([first, second]: Uint8Array): boolean {
  if (first === undefined || second === undefined) return false
  const isMarked = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
  return isMarked || (first === 0) !== (second === 0)
}
