import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { DESCRIPTIONS } from './es.ts'
import { PROGRAMS, read } from './generated.ts'
import {
  anchorOf,
  type Block,
  readBlocks,
  readLinks,
  readSections,
  type Section,
} from './markdown.ts'

const PAGES = ['README.md', 'README.es.md'] as const
type Page = { blocks: Block[]; sections: Section[] }

const [english, spanish] = PAGES.map((path) => ({
  blocks: readBlocks(read(path)),
  sections: readSections(read(path)),
})) as [Page, Page]

/** Each section of the English page with that of the Spanish one, by its place. */
const PAIRS = english.sections.map((section, index): [string, Section, Section] => [
  section.title,
  section,
  spanish.sections[index] ?? { level: 0, title: '', text: '', code: [], rows: [] },
])

test('both pages have the same blocks of code in the same order, so what runs one runs the other', () => {
  const code = ({ blocks }: Page) =>
    // What a query is for is said in the page's language.
    blocks.map(({ language, text }) => [language, text.replace(/^-- .*$/gm, '-- …')])
  expect(code(spanish)).toEqual(code(english))
  expect(spanish.blocks.length).toBeGreaterThan(20)
  const files = ({ blocks }: Page) =>
    blocks.filter(({ language }) => language === 'json').map(({ before }) => before)
  expect(files(spanish)).toEqual(files(english))
})

test('the headings of both pages correspond', () => {
  const levels = ({ sections }: Page) => sections.map(({ level }) => level)
  expect(levels(spanish)).toEqual(levels(english))
})

test.each(PAIRS)(
  '%s: the Spanish section has its names, numbers, links and rows',
  (_, from, to) => {
    expect(missing(from.code, to.code)).toEqual([])
    // A name that the English page does not know at all would be one of before.
    expect(missing(to.code, every(english.sections))).toEqual([])
    expect(new Set(readNumbers(to.text))).toEqual(new Set(readNumbers(from.text)))
    if (from.level > 1) expect(outside(to.text)).toEqual(outside(from.text))
    expect(to.rows.map(shape)).toEqual(from.rows.map(shape))
  },
)

const missing = (wanted: string[], there: string[]) => wanted.filter((one) => !there.includes(one))
const every = (sections: Section[]) => sections.flatMap(({ code }) => code)
const outside = (text: string) => readLinks(text).map((link) => link.replace(/^#.*/, '#'))
/** The names or the number in the first cell, and how many cells come after it. */
const shape = ([first = '', ...others]: string[]) => [
  first.match(/`[^`]+`|^\d+(, \d+)*$/g),
  others.length,
]

test.each(PAGES)('%s: every link to a file or a heading leads there', (path) => {
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const links = readLinks(read(path)).filter((link) => !/^https:/.test(link))
  expect(links).toContain(PAGES.find((other) => other !== path))
  for (const link of links) {
    const [file, anchor] = link.split('#')
    const target = file === '' ? path : join(dirname(path), file ?? '')
    expect(existsSync(join(root, target)), link).toBe(true)
    if (anchor !== undefined)
      expect(readSections(read(target)).map(({ title }) => anchorOf(title))).toContain(anchor)
  }
})

test('every setting is described in Spanish, and nothing that is no setting', () => {
  const descriptions = Object.values(PROGRAMS).flatMap(({ properties }) =>
    Object.values(properties).map(({ description }) => description),
  )
  expect(new Set(Object.keys(DESCRIPTIONS))).toEqual(new Set(descriptions))
})

/** The numbers of a text outside of code and links, however their thousands are written. */
function readNumbers(text: string): string[] {
  const prose = text.replace(/`[^`]+`|\]\([^)]*\)/g, '').replace(/(\d)[,\u00a0](?=\d{3}\b)/g, '$1')
  return prose.match(/\d[\d.:]*(?<=\d)/g) ?? []
}
