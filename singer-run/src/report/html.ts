/** Text that is HTML already. */
export type Html = { readonly html: string }

type Part = Html | string | number | undefined | false | readonly Part[]

/** A template of HTML: every text put into it is escaped, also within attributes. */
export function html(texts: TemplateStringsArray, ...parts: Part[]): Html {
  return {
    html: texts.map((text, at) => text + (at < parts.length ? show(parts[at]) : '')).join(''),
  }
}

function show(part: Part): string {
  if (part === undefined || part === false) return ''
  if (typeof part === 'string' || typeof part === 'number') return escapeHtml(String(part))
  if ('html' in part) return part.html
  return part.map(show).join('')
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Control characters, and those that turn the direction of the text, are shown as a mark. */
function escapeHtml(text: string): string {
  return text
    .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
    .replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '\uFFFD')
}

/** A name that a line may break at its joints. */
export function breakable(name: string): Html {
  const parts = name.split(/(?<=[_.-])(?=\w)/)
  return html`${parts.map((part, at) => (at === 0 ? part : html`<wbr>${part}`))}`
}

/** The dates of a text, each in one piece. */
function whole(cell: string | Html): Html | string {
  if (typeof cell !== 'string') return cell
  const parts = cell.split(/(\d{4}-\d{2}-\d{2})/)
  if (parts.length === 1) return cell
  return html`${parts.map((part, at) => (at % 2 === 1 ? html`<span class="nw">${part}</span>` : part))}`
}

/** A table; `kinds` has a letter for each column: n numbers, to the right, w text that stays whole, t text, l long text. */
export function table(
  caption: string,
  heads: readonly string[],
  rows: readonly (readonly (string | Html)[])[],
  kinds: string,
): Html {
  const kind = (column: number): string => kinds[column] ?? 't'
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table>
<caption>${caption}</caption>
<thead><tr>${heads.map((head, column) => html`<th scope="col" class="${kind(column)}">${breakable(head)}</th>`)}</tr></thead>
<tbody>${rows.map(
    (cells) =>
      html`<tr>${cells.map((cell, column) =>
        column === 0
          ? html`<th scope="row" class="${kind(0)}">${typeof cell === 'string' && kind(0) === 't' ? breakable(cell) : whole(cell)}</th>`
          : html`<td class="${kind(column)}">${cell === '-' ? '–' : whole(cell)}</td>`,
      )}</tr>\n`,
  )}</tbody></table></div>`
}
