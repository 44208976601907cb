import { readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import {
  type Catalog,
  formatSettingsTable,
  isStreamSelected,
  type Setting,
  type SettingsSchema,
} from '@singer-io-ts/core'
import { type Document, parseDocument, type YAMLMap, type YAMLSeq } from 'yaml'
import { discover } from '../../tap-quickbooks/src/discover.ts'
import { SETTINGS as TAP } from '../../tap-quickbooks/src/settings.ts'
import { SETTINGS as TARGET } from '../../target-postgres-raw/src/config.ts'
import { formatSpanishTable } from './es.ts'

/** The settings of each program by its name. */
export const PROGRAMS: Record<string, SettingsSchema> = {
  'tap-quickbooks': TAP,
  'target-postgres-raw': TARGET,
}

const SPANISH = 'README.es.md'

export const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

/** Meltano makes of a `decimal` from the environment what it then cannot write as JSON. */
const KINDS = { string: 'string', integer: 'integer', number: 'string', boolean: 'boolean' }

/** Settings as Meltano declares them, in its own order. */
function meltanoSettings(schema: SettingsSchema): object[] {
  return Object.entries(schema.properties).map(([name, setting]: [string, Setting]) => {
    const words = setting.enum as string[] | undefined
    return {
      name,
      kind: words === undefined ? KINDS[setting.type] : 'options',
      ...(setting.default !== undefined && { value: setting.default }),
      label: setting.title,
      description: setting.description,
      ...(setting.secret && { sensitive: true }),
      ...(words && { options: words.map((word) => ({ label: word, value: word })) }),
    }
  })
}

/** What the files hold when they agree with the programs, by path. All else in them is kept. */
export function generate(): Record<string, string> {
  const readmes = Object.keys(PROGRAMS).map((name) => `${name}/README.md`)
  const texts = new Map(['README.md', SPANISH, ...readmes].map((path) => [path, read(path)]))
  const meltano: Document = parseDocument(read('meltano.yml'))
  for (const [name, schema] of Object.entries(PROGRAMS)) {
    const table = new RegExp(`(<!-- settings ${name} -->\n)[\\s\\S]*?(<!-- /settings -->)`)
    for (const [path, text] of texts) {
      const format = path === SPANISH ? formatSpanishTable : formatSettingsTable
      texts.set(
        path,
        text.replace(table, (_whole, open, close) => `${open}\n${format(schema)}\n\n${close}`),
      )
    }
    for (const kind of ['extractors', 'loaders'])
      for (const plugin of (meltano.getIn(['plugins', kind]) as YAMLSeq<YAMLMap>).items)
        if (plugin.get('name') === name)
          plugin.set('settings', meltano.createNode(meltanoSettings(schema)))
  }
  const catalog = JSON.parse(JSON.stringify(discover())) as Catalog
  const streams = catalog.streams.filter(isStreamSelected)
  for (const { metadata } of streams)
    for (const entry of metadata) if (entry.breadcrumb.length === 0) entry.metadata.selected = true
  return {
    ...Object.fromEntries(texts),
    // As Meltano writes it, so that `meltano select` changes no other line.
    'meltano.yml': meltano.toString({ lineWidth: 0, indentSeq: false, singleQuote: true }),
    'catalog/quickbooks.json': `${JSON.stringify({ streams }, null, 2)}\n`,
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  for (const [path, text] of Object.entries(generate()))
    writeFileSync(new URL(`../../${path}`, import.meta.url), text)
