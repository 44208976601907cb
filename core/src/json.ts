/**
 * Where the parts of a JSON text lie. `JSON.parse` turns 1.10 into 1.1 and loses digits beyond
 * 2^53, so whatever must stay exact is passed on as text, cut by these spans.
 * All functions expect text that `JSON.parse` has accepted.
 */

/** A value's place in the text: `text.slice(start, end)`. */
export type Span = { start: number; end: number }

/** A member of an object: its unescaped name, where the quoted name begins, and its value. */
export type Member = { name: string; nameStart: number; start: number; end: number }

/** The members of the object that begins at `start` (its `{`), duplicates included, in order. */
export function objectMembers(text: string, start = 0): { members: Member[]; end: number } {
  const members: Member[] = []
  let at = skipSpace(text, skipSpace(text, start) + 1)
  while (text.charCodeAt(at) !== CLOSE_BRACE) {
    const nameStart = at
    const nameEnd = stringEnd(text, at)
    const quoted = text.slice(nameStart + 1, nameEnd - 1)
    const name = quoted.includes('\\') ? (JSON.parse(`"${quoted}"`) as string) : quoted
    const valueStart = skipSpace(text, skipSpace(text, nameEnd) + 1)
    const end = valueEnd(text, valueStart)
    members.push({ name, nameStart, start: valueStart, end })
    at = skipSpace(text, end)
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1)
  }
  return { members, end: at + 1 }
}

/** The elements of the array that begins at `start` (its `[`), in order. */
export function arrayElements(text: string, start = 0): { elements: Span[]; end: number } {
  const elements: Span[] = []
  let at = skipSpace(text, skipSpace(text, start) + 1)
  while (text.charCodeAt(at) !== CLOSE_BRACKET) {
    const end = valueEnd(text, at)
    elements.push({ start: at, end })
    at = skipSpace(text, end)
    if (text.charCodeAt(at) === COMMA) at = skipSpace(text, at + 1)
  }
  return { elements, end: at + 1 }
}

/** The last member of that name, as JSON.parse and jsonb see duplicates; undefined if absent. */
export function lastMember(members: readonly Member[], name: string): Member | undefined {
  return members.findLast((member) => member.name === name)
}

/** The object's text without the members whose names are in `names`; all else to the letter. */
export function withoutMembers(
  text: string,
  members: readonly Member[],
  names: ReadonlySet<string>,
): string {
  if (!members.some((member) => names.has(member.name))) return text
  let shown = text.slice(0, members[0]?.nameStart)
  let isFirst = true
  let before = 0
  for (const member of members) {
    if (!names.has(member.name)) {
      // With the comma before it, except for the first one.
      shown += text.slice(isFirst ? member.nameStart : before, member.end)
      isFirst = false
    }
    before = member.end
  }
  return shown + text.slice(before)
}

/** The object's text with `more` (members as JSON text, without braces) added at its end. */
export function withMembers(text: string, more: string): string {
  if (more === '') return text
  const close = text.lastIndexOf('}')
  const empty = /^\s*\{\s*$/.test(text.slice(0, close))
  return `${text.slice(0, close)}${empty ? '' : ','}${more}${text.slice(close)}`
}

type Wants = 'value' | 'value or ]' | 'name' | 'name or }' | ':' | ', or close'

/** Where a text that JSON.parse refuses stops being JSON; its length where it only ends too early. */
export function jsonBreak(text: string): number {
  const open: number[] = []
  let wants = 'value' as Wants
  for (let at = skipSpace(text, 0); at < text.length; at = skipSpace(text, at)) {
    const code = text.charCodeAt(at)
    if (wants === ':') {
      if (code !== COLON) return at
      wants = 'value'
      at++
    } else if (wants === ', or close' && code === COMMA && open.length > 0) {
      wants = open.at(-1) === OPEN_BRACE ? 'name' : 'value'
      at++
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      const isOpen = open.at(-1) === (code === CLOSE_BRACE ? OPEN_BRACE : OPEN_BRACKET)
      if (!isOpen || wants === 'value' || wants === 'name') return at
      open.pop()
      wants = ', or close'
      at++
    } else if (wants === ', or close') {
      return at
    } else if (code === QUOTE) {
      const end = stringBreak(text, at)
      if (end.isBroken) return end.at
      wants = wants === 'name' || wants === 'name or }' ? ':' : ', or close'
      at = end.at
    } else if (wants === 'name' || wants === 'name or }') {
      return at
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      open.push(code)
      wants = code === OPEN_BRACE ? 'name or }' : 'value or ]'
      at++
    } else {
      WORD.lastIndex = at
      const word = WORD.exec(text)?.[0] ?? ''
      if (!(at + word.length === text.length ? CUT_SCALAR : SCALAR).test(word)) return at
      wants = ', or close'
      at += word.length
    }
  }
  return text.length
}

const WORD = /[-+.\w]*/y
const SCALAR = /^(-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?|true|false|null)$/
const CUT_SCALAR =
  /^(-?((0|[1-9]\d*)(\.\d*)?((?<=\d)[eE][+-]?\d*)?)?|t(r(ue?)?)?|f(a(l(se?)?)?)?|n(u(ll?)?)?)$/
const ESCAPE = /\\(["\\/bfnrt]|u[0-9a-fA-F]{4})/y
const CUT_ESCAPE = /\\(u[0-9a-fA-F]{0,3})?$/y

function stringBreak(text: string, start: number): { at: number; isBroken: boolean } {
  for (let at = start + 1; at < text.length; ) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) return { at: at + 1, isBroken: false }
    if (code < 0x20) return { at, isBroken: true }
    if (code !== BACKSLASH) {
      at++
      continue
    }
    ESCAPE.lastIndex = at
    CUT_ESCAPE.lastIndex = at
    const escaped = ESCAPE.exec(text)?.[0]
    if (escaped === undefined)
      return { at: CUT_ESCAPE.test(text) ? text.length : at, isBroken: true }
    at += escaped.length
  }
  return { at: text.length, isBroken: true }
}

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

function skipSpace(text: string, at: number): number {
  let i = at
  while (isSpace(text.charCodeAt(i))) i++
  return i
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}

/** The position after the string whose opening quote is at `start`. */
function stringEnd(text: string, start: number): number {
  // Without this, text that is not JSON would be searched for ever.
  if (text.charCodeAt(start) !== QUOTE) throw notJson(start)
  let close = text.indexOf('"', start + 1)
  while (text.charCodeAt(close - 1) === BACKSLASH) {
    let slashes = 1
    while (text.charCodeAt(close - 1 - slashes) === BACKSLASH) slashes++
    if (slashes % 2 === 0) break
    close = text.indexOf('"', close + 1)
  }
  if (close === -1) throw notJson(start)
  return close + 1
}

function valueEnd(text: string, start: number): number {
  const first = text.charCodeAt(start)
  if (first === QUOTE) return stringEnd(text, start)
  let at = start
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) {
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code === COMMA || code === CLOSE_BRACE || code === CLOSE_BRACKET || isSpace(code)) break
    }
    if (at === start) throw notJson(start)
    return at
  }
  // A depth counter, not recursion: a record may nest deeper than the stack is high.
  for (let depth = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = stringEnd(text, at) - 1
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) depth++
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      depth--
      if (depth === 0) return at + 1
    }
  }
  throw notJson(start)
}

function notJson(at: number): SyntaxError {
  return new SyntaxError(`not JSON at position ${at}`)
}
