/** Names of what nobody should see; a file, an address or a command of that name is none. */
const SECRET =
  /(secret|passw|pwd|token|credential|api-?_?key|private-?_?key)(?![\w-]*(file|path|url|uri|command|endpoint))/i

/** What stands in place of what is not kept. */
export const HIDDEN = '***'

/**
 * How a secret begins in what a program of others writes: `password=`, `api-key: `, `"token":`,
 * `--auth `. Where it ends nobody can know.
 */
const SECRET_BEGINS =
  /(?:secret|passw|passphrase|passcode|pwd|token|credential|authori[sz]ation|cookie|signature|dsn|pass|auth|key)[\w.-]*[\\"'`\]]*\s*(?:[:=]|=>)|--?[\w-]*(?:secret|pass|pwd|token|credential|auth|key)[\w-]*\s|\b(?:Bearer|Basic)\s/i

/** The words of a command line of this project's programs, which have no secrets there but by mistake. */
export function redactWords(words: readonly string[]): string[] {
  return words.map((word, at) => {
    const before = words[at - 1] ?? ''
    const isValue = /^--?[a-z]/i.test(before) && !before.includes('=') && SECRET.test(before)
    return isValue && !word.startsWith('-') ? '***' : redactText(word)
  })
}

/**
 * The words of a command line of others: what they take is not known, so only the names of flags
 * are left, and how many words there are.
 */
export function redactForeignWords(words: readonly string[]): string[] {
  return words.map((word, at) => {
    const before = words[at - 1] ?? ''
    const isValue = !before.includes('=') && SECRET_BEGINS.test(`${before} `)
    const [, flag, rest] = /^(-[a-z]|--[a-z][\w-]*(?==|$))(.*)$/is.exec(word) ?? []
    if (flag === undefined || isValue) return HIDDEN
    if (rest === '') return flag
    return rest?.startsWith('=') ? `${flag}=${HIDDEN}` : `${flag}${HIDDEN}`
  })
}

/** What a program of others wrote, up to where a secret seems to begin. */
export function redactForeignText(text: string): string {
  const plain = redactText(text).replace(/(:\/\/)[^\s"']*@/g, `$1${HIDDEN}@`)
  const found = SECRET_BEGINS.exec(plain)
  return found === null ? plain : `${plain.slice(0, found.index + found[0].length)}${HIDDEN}`
}

/** A text without passwords in URLs, and without the values of `NAME=value` with a telling name. */
export function redactText(text: string): string {
  return text
    .replace(/\b([a-z][\w+.-]*:\/\/[^\s/:@"']*):[^\s"']*@/gi, '$1:***@')
    .replace(/(--?)?\b([\w-]+)=("[^"]*"|'[^']*'|[^\s&"']+)/g, (whole, dashes = '', name: string) =>
      SECRET.test(name) ? `${dashes}${name}=***` : whole,
    )
    .replace(/\b(Bearer|Basic) [\w.~+/=-]{8,}/g, '$1 ***')
}

/** Words as a shell takes them. */
export function quoteWords(words: readonly string[]): string {
  return words.map(quoteWord).join(' ')
}

export function quoteWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
