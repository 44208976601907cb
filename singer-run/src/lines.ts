import type { Readable } from 'node:stream'

const MOST_CHARACTERS = 1024 * 1024

/** The lines of a text stream, each whole; one that is longer than the limit comes in pieces. */
export async function* wholeLines(
  input: Readable,
  maxCharacters: number = MOST_CHARACTERS,
): AsyncGenerator<string, void, void> {
  let rest = ''
  input.setEncoding('utf8')
  for await (const chunk of input) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield line.replace(/\r$/, '')
    if (rest.length >= maxCharacters) {
      yield rest
      rest = ''
    }
  }
  if (rest !== '') yield rest
}
