/** Characters that a JSON text may hold and Postgres' text and jsonb may not. */

// A pair of surrogates is one good character; an escaped backslash is no escape's beginning.
const ESCAPES = /\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|u[\da-fA-F]{4}|[^u])/g
const SUSPECT = /\\u(?:0000|[dD][89a-fA-F])/

/** Whether a JSON text may hold such a character; an escaped backslash can look like one. */
export function hasReplaceable(json: string): boolean {
  return SUSPECT.test(json)
}

/** The JSON text with U+FFFD for each `\u0000` and lone surrogate; the same text if it has none. */
export function replaceInJson(json: string): string {
  if (!hasReplaceable(json)) return json
  // Not by one `replace`, which would hold all that it finds, of a megabyte as much as a hundred.
  const joined: string[] = []
  let parts: string[] = []
  let from = 0
  for (const { 0: found, index } of json.matchAll(ESCAPES)) {
    if (found.length !== 6 || !SUSPECT.test(found)) continue
    parts.push(json.slice(from, index), '\\ufffd')
    from = index + found.length
    if (parts.length < 10_000) continue
    joined.push(parts.join(''))
    parts = []
  }
  return [...joined, ...parts, json.slice(from)].join('')
}

/** The text with U+FFFD for each NUL and lone surrogate. */
export function replaceInText(text: string): string {
  return text.replace(/[\0\p{Surrogate}]/gu, '\ufffd')
}
