/** Names of what nobody should see; a file, an address or a command of that name is none. */
const SECRET =
  /(secret|passw|pwd|token|credential|api-?_?key|private-?_?key)(?![\w-]*(file|path|url|uri|command|endpoint))/i

/**
 * The words of a command line without what looks like a secret. Those of this project have none
 * there; what others take is not known.
 */
export function redactWords(words: readonly string[]): string[] {
  return words.map((word, at) => {
    const before = words[at - 1] ?? ''
    const isValue = /^--?[a-z]/i.test(before) && !before.includes('=') && SECRET.test(before)
    return isValue && !word.startsWith('-') ? '***' : redactText(word)
  })
}

/** A text without passwords in URLs, and without the values of `NAME=value` with a telling name. */
export function redactText(text: string): string {
  return text
    .replace(/\b([a-z][\w+.-]*:\/\/[^\s/:@]*):[^\s/@]+@/gi, '$1:***@')
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
