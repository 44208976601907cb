import { QueryFault } from './query-fault.ts'

export type Token = {
  kind: 'word' | 'string' | 'integer' | 'decimal' | 'symbol' | 'end' | 'stray'
  /** The characters as written. */
  image: string
  /** A string's value without quotes and escapes; a word in lower case. */
  value: string
  line: number
  column: number
}

const word = /[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*/y
const number = /-?\d+(\.\d+)?/y
const symbol = /<=|>=|[=<>(),*]/y
const quoted = /'((?:[^'\\]|\\[\s\S])*)'/y

/** The refusal of a `stray` token, whose value says what was found. */
export function lexicalFault(token: Token): QueryFault {
  const place = `at line ${token.line}, column ${token.column}`
  const error = `Invalid content. Lexical error ${place}.  Encountered: ${token.value}`
  return new QueryFault('4000', `QueryParserError: ${error}`)
}

function at(pattern: RegExp, text: string, index: number): RegExpExecArray | null {
  pattern.lastIndex = index
  return pattern.exec(text)
}

/**
 * Cuts a statement into tokens, an `end` token last, or a `stray` one where no token begins: the
 * parser complains of it only when it gets there, as QuickBooks does.
 */
export function readTokens(text: string): Token[] {
  const tokens: Token[] = []
  let [index, line, lineStart] = [0, 1, 0]
  const add = (kind: Token['kind'], image: string, value: string) => {
    tokens.push({ kind, image, value, line, column: index - lineStart + 1 })
    index += image.length
  }
  while (index < text.length) {
    const character = text[index] as string
    if (/\s/.test(character)) {
      index++
      if (character === '\n') [line, lineStart] = [line + 1, index]
      continue
    }
    const found = at(word, text, index)
    if (found) {
      add('word', found[0], found[0].toLowerCase())
      continue
    }
    const digits = at(number, text, index)
    if (digits) {
      add(digits[1] === undefined ? 'integer' : 'decimal', digits[0], digits[0])
      continue
    }
    const mark = at(symbol, text, index)
    if (mark) {
      add('symbol', mark[0], mark[0])
      continue
    }
    if (character === "'") {
      const literal = at(quoted, text, index)
      if (!literal) {
        const value = `<EOF> after : ${JSON.stringify(text.slice(index))}`
        const column = text.length - lineStart + 1
        tokens.push({ kind: 'stray', image: '', value, line, column })
        return tokens
      }
      add('string', literal[0], (literal[1] as string).replace(/\\([\s\S])/g, '$1'))
      continue
    }
    const code = text.codePointAt(index) as number
    const shown = JSON.stringify(String.fromCodePoint(code))
    add('stray', '', `${shown} (${code}), after : ""`)
    return tokens
  }
  add('end', '', '')
  return tokens
}
