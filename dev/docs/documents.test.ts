import { readFileSync } from 'node:fs'
import { formatSettingsTable, type Setting, type SettingsSchema } from '@singer-io-ts/core'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { SETTINGS as TAP } from '../../tap-quickbooks/src/config.ts'
import { discover } from '../../tap-quickbooks/src/discover.ts'
import { SETTINGS as TARGET } from '../../target-postgres-raw/src/config.ts'

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

type MeltanoSetting = { name: string; [key: string]: unknown }
type MeltanoPlugin = { name: string; settings?: MeltanoSetting[]; capabilities?: string[] }

const KINDS = { string: 'string', integer: 'integer', number: 'decimal', boolean: 'boolean' }

function meltanoSettings(schema: SettingsSchema): MeltanoSetting[] {
  return Object.entries(schema.properties).map(([name, setting]: [string, Setting]) => {
    const words = setting.enum as string[] | undefined
    return {
      name,
      label: setting.title,
      kind: words === undefined ? KINDS[setting.type] : 'options',
      ...(setting.secret && { sensitive: true }),
      ...(words && { options: words.map((word) => ({ label: word, value: word })) }),
      ...(setting.default !== undefined && { value: setting.default }),
      description: setting.description,
    }
  })
}

test.each([
  ['tap-quickbooks', TAP],
  ['target-postgres-raw', TARGET],
])('the README has the settings table of %s', (name, schema) => {
  const block = read('README.md').split(`<!-- settings ${name} -->\n`)[1]
  expect(block?.split('\n<!-- /settings -->')[0]?.trim()).toBe(formatSettingsTable(schema))
})

test('meltano.yml declares the settings of both programs', () => {
  const { plugins } = parse(read('meltano.yml')) as {
    plugins: { extractors: MeltanoPlugin[]; loaders: MeltanoPlugin[] }
  }
  const settings = (list: MeltanoPlugin[], name: string): MeltanoSetting[] | undefined =>
    list.find((plugin) => plugin.name === name)?.settings
  expect(settings(plugins.extractors, 'tap-quickbooks')).toEqual(meltanoSettings(TAP))
  expect(settings(plugins.loaders, 'target-postgres-raw')).toEqual(meltanoSettings(TARGET))
})

test('catalog/quickbooks.json is what --discover prints, with the streams selected', () => {
  const catalog = JSON.parse(read('catalog/quickbooks.json'))
  for (const stream of catalog.streams) {
    expect(stream.metadata[0].metadata.selected).toBe(true)
    delete stream.metadata[0].metadata.selected
  }
  expect(catalog).toEqual(JSON.parse(JSON.stringify(discover())))
})
