import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A command line taken apart: the program as it was called, and its arguments. */
export type Command = { name: string; args: string[] }

/** What only a shell could do; as a word of its own it would reach the program as an argument. */
const SHELL_WORDS = new Set(['|', '||', '&', '&&', ';', '<', '>', '>>', '2>', '2>&1', '&>'])

/**
 * Splits a command line as a shell does: blanks part words, '…' and "…" hold them together, a
 * backslash takes the next character as it is. Nothing else is special: no shell runs it.
 * Throws an Error that says what is wrong.
 */
export function splitCommand(text: string): Command {
  const words: string[] = []
  let word: string | undefined
  let isQuoted = false
  const close = (): void => {
    if (word === undefined) return
    if (!isQuoted && SHELL_WORDS.has(word))
      throw new Error(`no shell runs this, so ${word} means nothing in it (quote it to pass it on)`)
    words.push(word)
    word = undefined
    isQuoted = false
  }
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    if (/\s/.test(character)) close()
    else if (character === "'" || character === '"') {
      const quoted = readQuoted(text, at)
      word = (word ?? '') + quoted.value
      isQuoted = true
      at = quoted.end
    } else if (character === '\\') {
      at++
      if (at === text.length)
        throw new Error(
          'ends with a backslash, which takes the next character as it is: there is none',
        )
      // A backslash at the end of a line joins it to the next.
      if (text.charAt(at) !== '\n') word = (word ?? '') + text.charAt(at)
      isQuoted = true
    } else word = (word ?? '') + character
  }
  close()
  const [name, ...args] = words
  if (name === undefined || name === '')
    throw new Error('names no command, found only blanks or an empty word')
  return { name, args }
}

function readQuoted(text: string, start: number): { value: string; end: number } {
  const quote = text.charAt(start)
  let value = ''
  for (let at = start + 1; at < text.length; at++) {
    const character = text.charAt(at)
    if (character === quote) return { value, end: at }
    const next = text.charAt(at + 1)
    if (quote === '"' && character === '\\' && next !== '' && '"\\$`\n'.includes(next)) {
      at++
      if (next !== '\n') value += next
    } else value += character
  }
  throw new Error(`the quote ${quote} is never closed`)
}

export type Places = {
  cwd: string
  /** The variable PATH. */
  path: string | undefined
  /** The script that node was started with: global installs lie side by side. */
  script: string | undefined
}

/** The file of a command, searched as a shell does and then where npm puts programs. */
export function findCommand(name: string, places: Places): string | undefined {
  if (/[/\\]/.test(name)) {
    const file = resolve(places.cwd, name)
    return endings()
      .map((ending) => file + ending)
      .find(isProgram)
  }
  return searchedFolders(places)
    .flatMap((folder) => endings().map((ending) => join(folder, name + ending)))
    .find(isProgram)
}

function searchedFolders({ cwd, path, script }: Places): string[] {
  return [
    ...(path ?? '').split(delimiter).filter((folder) => folder !== ''),
    ...binFolders(cwd),
    ...(script === undefined ? [] : [dirname(script)]),
    ...binFolders(dirname(fileURLToPath(import.meta.url))),
  ]
}

/** node_modules/.bin of the folder and of those around it. */
function binFolders(folder: string): string[] {
  const around = dirname(folder)
  return [join(folder, 'node_modules', '.bin'), ...(around === folder ? [] : binFolders(around))]
}

function endings(): string[] {
  return process.platform === 'win32' ? ['.cmd', '.exe', '.bat', ''] : ['']
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}
