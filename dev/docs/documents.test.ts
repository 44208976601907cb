import { formatSettingsTable } from '@singer-io-ts/core'
import { Ajv } from 'ajv'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { generate, PROGRAMS, read } from './generated.ts'

test.each([
  ['README.md', 'the settings tables'],
  ['README.es.md', 'the settings tables, in Spanish'],
  ['tap-quickbooks/README.md', 'its settings'],
  ['target-postgres-raw/README.md', 'its settings'],
  ['meltano.yml', 'the settings of both programs'],
  ['catalog/quickbooks.json', 'what --discover prints, selected'],
])('%s has %s; npm run docs writes them', (path) => {
  expect(read(path)).toBe(generate()[path])
})

test('the tables and settings are really there', () => {
  for (const [name, schema] of Object.entries(PROGRAMS)) {
    for (const path of ['README.md', `${name}/README.md`])
      expect(read(path)).toContain(formatSettingsTable(schema))
    const { plugins } = parse(read('meltano.yml'))
    const plugin = [...plugins.extractors, ...plugins.loaders].find((one) => one.name === name)
    expect(plugin.settings.map((setting: { name: string }) => setting.name)).toEqual(
      Object.keys(schema.properties),
    )
  }
})

test('settings are described in JSON Schema, which no run looks at again', () => {
  const ajv = new Ajv()
  for (const schema of Object.values(PROGRAMS)) {
    expect(ajv.validateSchema(schema), ajv.errorsText()).toBe(true)
    const broken = { ...schema, required: 'all' }
    expect(ajv.validateSchema(broken)).toBe(false)
  }
})
