import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as books from '../../singer-run/fixtures/books.ts'
import { makeModel } from '../../singer-run/src/report/model.ts'
import { formatPage } from '../../singer-run/src/report/page.ts'
import { skip } from '../skip.ts'
import { CHROMIUM_FLAGS, findChromium } from './chromium.ts'

/** Pages and pictures of them stay here, to be looked at. */
const FOLDER = fileURLToPath(new URL('../../.local/report/', import.meta.url))
const path = findChromium()
let browser: Browser | undefined

beforeAll(async () => {
  mkdirSync(FOLDER, { recursive: true })
  if (path !== undefined)
    browser = await chromium.launch({ executablePath: path, args: CHROMIUM_FLAGS })
})

afterAll(() => browser?.close())

/** Opens the page of these books; gives what it says on the console and what it asks for. */
async function open(name: keyof typeof BOOKS, colorScheme: 'light' | 'dark') {
  const file = `${FOLDER}${name}.html`
  writeFileSync(file, formatPage(makeModel(BOOKS[name]())))
  const context = await (browser as Browser).newContext({ colorScheme })
  const page = await context.newPage()
  const said: string[] = []
  const url = pathToFileURL(file).href
  page.on('console', (message) => said.push(message.text()))
  page.on('pageerror', (error) => said.push(error.message))
  page.on('dialog', (dialog) => said.push(dialog.message()))
  page.on('request', (request) => {
    if (request.url() !== url) said.push(request.url())
  })
  await page.goto(url)
  return { page, said, close: () => context.close() }
}

const BOOKS = {
  good: books.goodBooks,
  bad: books.badBooks,
  first: books.firstBooks,
  many: books.manyBooks,
  none: books.noBooks,
  hostile: books.hostileBooks,
}

type Look = {
  overflow: number
  collisions: string[]
  cut: string[]
  faint: string[]
  scrolled: string[]
  texts: number
}

const LOOK = readFileSync(new URL('./look.js', import.meta.url), 'utf8')
const WELL = { overflow: 0, collisions: [], cut: [], faint: [] }
/** From this width on all columns are seen at once, but where names are longer than any. */
const WHOLE_PX = 700

const seen = async (page: Page, isWhole = false) => {
  const { texts, scrolled, ...rest } = await page.evaluate<Look>(LOOK)
  expect(texts).toBeGreaterThan(3)
  if (isWhole) expect(scrolled).toEqual([])
  return rest
}

test.for(Object.keys(BOOKS) as (keyof typeof BOOKS)[])(
  'the page of %s books is whole in any width, in light, in dark and on paper',
  async (name, context) => {
    if (path === undefined) skip(context, 'no Chromium on this machine (CHROMIUM may name one)')
    for (const scheme of ['light', 'dark'] as const) {
      const { page, said, close } = await open(name, scheme)
      for (const width of scheme === 'light' ? [1400, 800, WHOLE_PX, 380] : [1400]) {
        await page.setViewportSize({ width, height: 900 })
        const look = await seen(page, width >= WHOLE_PX && name !== 'hostile')
        expect({ width, scheme, ...look }).toEqual({ width, scheme, ...WELL })
        if (process.env.PICTURES)
          await page.screenshot({ path: `${FOLDER}${name}-${scheme}-${width}.png`, fullPage: true })
      }
      await page.locator('summary').evaluateAll((all) => {
        for (const summary of all) summary.parentElement?.setAttribute('open', '')
      })
      expect(await seen(page)).toEqual(WELL)
      // A4 with margins of 15 mm.
      await page.emulateMedia({ media: 'print' })
      await page.setViewportSize({ width: 680, height: 1000 })
      expect(await seen(page)).toEqual(WELL)
      if (process.env.PICTURES) await page.pdf({ path: `${FOLDER}${name}.pdf`, format: 'A4' })
      expect(said).toEqual([])
      await close()
    }
  },
)

test('the eye that looks at the pages sees what is wrong', async (context) => {
  if (path === undefined) skip(context, 'no Chromium on this machine (CHROMIUM may name one)')
  const { page, close } = await open('good', 'light')
  await page.setViewportSize({ width: 800, height: 900 })
  await page.addStyleTag({
    content: `.ticks span{left:99%!important} .lead{color:#aaa!important} pre{white-space:pre!important}
      dd small{position:absolute;top:100px;left:20px}`,
  })
  const wrong = await seen(page)
  expect(wrong.overflow).toBeGreaterThan(0)
  expect(wrong.collisions.length).toBeGreaterThan(3)
  expect(wrong.cut).toContain('2018')
  expect(wrong.faint[0]).toMatch(/: 2\.\d\d$/)
  await close()
})
