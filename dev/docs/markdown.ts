/** A fenced block, and the line of text before it. */
export type Block = { language: string; before: string; text: string }

/** What stands under a heading, without its fenced blocks. `code` are the `…` spans, `rows` those of tables. */
export type Section = {
  level: number
  title: string
  text: string
  code: string[]
  rows: string[][]
}

export function readBlocks(markdown: string): Block[] {
  return [...markdown.matchAll(/(?:^|\n)([^\n]*)\n\n?```(\w+)\n([\s\S]*?)\n```/g)].map(
    ([, before = '', language = '', text = '']) => ({ language, before, text }),
  )
}

export function readSections(markdown: string): Section[] {
  return markdown
    .replace(/^```[\s\S]*?^```$/gm, '')
    .split(/^(?=#+ )/m)
    .map((part) => {
      const [, hashes = '', title = '', text = ''] = /^(#*) ?(.*)\n([\s\S]*)$/.exec(part) ?? []
      const rows = text.match(/^\|.*\|$/gm) ?? []
      return {
        level: hashes.length,
        title,
        text,
        code: [...text.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span.replace(/\s+/g, ' ')),
        rows: rows.map((row) =>
          row
            .slice(1, -1)
            .split(/(?<!\\)\|/)
            .map((cell) => cell.trim()),
        ),
      }
    })
}

/** Where the links of a text lead. */
export function readLinks(markdown: string): string[] {
  return [...markdown.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
}

/** The anchor that GitHub gives to a heading. */
export function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
    .replaceAll(' ', '-')
}
