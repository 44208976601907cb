/** A terminal's screen, as far as programs here use it: what a person would see. */
export type TerminalScreen = {
  /** Takes what a program has written. */
  feed(text: string): void
  /** A terminal that wraps its lines anew, as most do. */
  resize(columns: number): void
  /** The lines from the first one on, those that have scrolled away too, without empty ones at the end. */
  lines(): string[]
  /** Where the cursor stands: its line from the first one on, and its column, from 0. */
  cursor(): { line: number; column: number }
}

export function createTerminalScreen(size: { columns: number; rows: number }): TerminalScreen {
  let { columns } = size
  /** Each with whether it goes on in the next one. */
  let lines: { text: string; wraps: boolean }[] = [{ text: '', wraps: false }]
  let line = 0
  let column = 0

  function at(index: number): { text: string; wraps: boolean } {
    while (lines.length <= index) lines.push({ text: '', wraps: false })
    return lines[index] as { text: string; wraps: boolean }
  }

  function put(character: string): void {
    if (column >= columns) {
      at(line).wraps = true
      line++
      column = 0
    }
    const { text } = at(line)
    at(line).text = text.slice(0, column).padEnd(column) + character + text.slice(column + 1)
    column++
  }

  function control(parameters: string, letter: string): void {
    const number = Number(parameters || 1)
    if (letter === 'A') line = Math.max(0, lines.length - size.rows, line - number)
    else if (letter === 'K') at(line).text = at(line).text.slice(0, column)
    else if (letter === 'J') {
      at(line).text = at(line).text.slice(0, column)
      lines = lines.slice(0, line + 1)
    } else throw new Error(`an escape that this terminal does not know: ${parameters}${letter}`)
  }

  return {
    feed(text) {
      for (const [token, parameters = '', letter] of text.matchAll(
        /\x1b\[([\d;?]*)([A-Za-z])|./gsu,
      )) {
        if (letter !== undefined) control(parameters, letter)
        else if (token === '\r') column = 0
        else if (token === '\n') at(++line)
        else put(token)
      }
    },
    resize(to) {
      const wrapped: typeof lines = []
      let cursor = 0
      for (let from = 0; from < lines.length; ) {
        let end = from
        while (lines[end]?.wraps) end++
        const whole = lines.slice(from, end + 1)
        if (line >= from && line <= end) cursor = wrapped.length
        const text = whole.map((one) => one.text).join('')
        for (let start = 0; start === 0 || start < text.length; start += to)
          wrapped.push({ text: text.slice(start, start + to), wraps: start + to < text.length })
        from = end + 1
      }
      lines = wrapped
      line = cursor
      columns = to
    },
    lines: () =>
      lines
        .map(({ text }) => text.trimEnd())
        .join('\n')
        .trimEnd()
        .split('\n'),
    cursor: () => ({ line, column }),
  }
}
