import { expect, test } from 'vitest'
import { type About, formatAbout, formatSettingsTable } from './about.ts'

const ABOUT: About = {
  name: 'tap-x',
  description: 'Reads x.',
  version: '1.2.3',
  capabilities: ['discover', 'state'],
  settings: {
    type: 'object',
    required: ['key'],
    properties: {
      key: { type: 'string', secret: true, title: 'Key', description: 'The key.' },
      mode: {
        type: 'string',
        enum: ['a', 'b'],
        default: 'a',
        title: 'Mode',
        description: 'A | B, as in `a|b`.',
      },
      size: {
        type: 'integer',
        minimum: 0,
        maximum: 9,
        default: 0,
        title: 'Size',
        description: 'x',
      },
      least: { type: 'integer', minimum: 1, title: 'Least', description: 'x' },
      most: {
        type: 'number',
        exclusiveMinimum: 0,
        maximum: 5,
        secret: true,
        title: 'Most',
        description: 'x',
      },
      prefix: { type: 'string', default: '', title: 'Prefix', description: 'x' },
      on: { type: 'boolean', default: false, title: 'On', description: 'x' },
    },
  },
}

test("--about as JSON has the keys of Meltano's hub", () => {
  const about = JSON.parse(formatAbout(ABOUT, 'json'))
  expect(Object.keys(about)).toEqual([
    'name',
    'description',
    'version',
    'sdk_version',
    'supported_python_versions',
    'capabilities',
    'settings',
  ])
  expect(about).toMatchObject({ name: 'tap-x', version: '1.2.3', sdk_version: null })
  expect(about.settings).toEqual(ABOUT.settings)
})

test('--about as text names every setting, with limits, defaults and what is required', () => {
  const text = formatAbout(ABOUT, 'text')
  expect(text).toMatch(/^Name: tap-x\nDescription: Reads x\.\nVersion: 1\.2\.3\n/)
  expect(text).toContain('  key (string, secret, required): The key.')
  for (const line of [
    'mode (a or b, default a): A | B, as in `a|b`.',
    'size (integer, 0 to 9, default 0): x',
    'least (integer, at least 1): x',
    'most (number, more than 0, at most 5, secret): x',
    'prefix (string): x',
    'on (boolean, default false): x',
  ])
    expect(text).toContain(`\n  ${line}`)
})

test('the table of settings shows limits and defaults, also 0 and false, and survives bars', () => {
  expect(formatSettingsTable(ABOUT.settings).split('\n')).toEqual([
    '| setting | type | default | meaning |',
    '| --- | --- | --- | --- |',
    '| `key` | string, secret | required | The key. |',
    '| `mode` | a or b | `a` | A \\| B, as in `a\\|b`. |',
    '| `size` | integer, 0 to 9 | `0` | x |',
    '| `least` | integer, at least 1 |  | x |',
    '| `most` | number, more than 0, at most 5, secret |  | x |',
    '| `prefix` | string |  | x |',
    '| `on` | boolean | `false` | x |',
  ])
})

test('--about as markdown holds that table', () => {
  const text = formatAbout(ABOUT, 'markdown')
  expect(text).toMatch(/^# `tap-x`\n\nReads x\.\n\n## Capabilities\n\n\* `discover`\n\* `state`\n/)
  expect(text).toContain(formatSettingsTable(ABOUT.settings))
})
