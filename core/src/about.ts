import type { Setting, SettingsSchema } from './config.ts'

/** What a program says of itself. */
export type About = {
  name: string
  description: string
  version: string
  capabilities: readonly string[]
  settings: SettingsSchema
}

/** `--about` as the Singer SDK prints it; `json` has the keys that Meltano's hub reads. */
export function formatAbout(about: About, format: 'text' | 'json' | 'markdown'): string {
  if (format === 'json')
    return JSON.stringify(
      {
        name: about.name,
        description: about.description,
        version: about.version,
        sdk_version: null,
        supported_python_versions: null,
        capabilities: about.capabilities,
        settings: about.settings,
      },
      null,
      2,
    )
  if (format === 'markdown')
    return [
      `# \`${about.name}\``,
      '',
      about.description,
      '',
      '## Capabilities',
      '',
      ...about.capabilities.map((word) => `* \`${word}\``),
      '',
      '## Settings',
      '',
      formatSettingsTable(about.settings),
    ].join('\n')
  return [
    `Name: ${about.name}`,
    `Description: ${about.description}`,
    `Version: ${about.version}`,
    `Capabilities: ${about.capabilities.join(', ')}`,
    'Settings:',
    ...Object.entries(about.settings.properties).map(([name, setting]) => {
      const more = isRequired(about.settings, name) ? ', required' : describeDefault(setting)
      return `  ${name} (${describeType(setting)}${more}): ${setting.description}`
    }),
  ].join('\n')
}

function describeDefault(setting: Setting): string {
  return setting.default === undefined || setting.default === ''
    ? ''
    : `, default ${setting.default}`
}

/** The settings as a markdown table; the README's tables are this very text. */
export function formatSettingsTable(schema: SettingsSchema): string {
  return [
    '| setting | type | default | meaning |',
    '| --- | --- | --- | --- |',
    ...Object.entries(schema.properties).map(([name, setting]) => {
      const fallback = isRequired(schema, name)
        ? 'required'
        : setting.default === undefined || setting.default === ''
          ? ''
          : `\`${setting.default}\``
      return `| \`${name}\` | ${describeType(setting)} | ${fallback} | ${bars(setting.description)} |`
    }),
  ].join('\n')
}

/** A bar would begin another cell. */
function bars(text: string): string {
  return text.replaceAll('|', '\\|')
}

function isRequired(schema: SettingsSchema, name: string): boolean {
  return schema.required.includes(name)
}

function describeType(setting: Setting): string {
  const words = setting.enum as readonly unknown[] | undefined
  const parts = [
    words === undefined ? setting.type : words.join(' or '),
    ...describeLimits(setting),
    ...(setting.secret ? ['secret'] : []),
  ]
  return parts.join(', ')
}

function describeLimits({ minimum, exclusiveMinimum, maximum }: Setting): string[] {
  if (minimum !== undefined && maximum !== undefined) return [`${minimum} to ${maximum}`]
  return [
    ...(minimum === undefined ? [] : [`at least ${minimum}`]),
    ...(exclusiveMinimum === undefined ? [] : [`more than ${exclusiveMinimum}`]),
    ...(maximum === undefined ? [] : [`at most ${maximum}`]),
  ]
}
