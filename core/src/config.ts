import { readFileSync } from 'node:fs'
import type { ErrorObject } from 'ajv'
import { ConfigError } from './errors.ts'
import type { Log } from './log.ts'

/** One setting as JSON Schema; `secret: true` keeps its value out of every output. */
export type Setting = {
  type: 'string' | 'integer' | 'number' | 'boolean'
  title: string
  description: string
  default?: string | number | boolean
  secret?: boolean
  examples?: readonly unknown[]
  [keyword: string]: unknown
}

/** The only description of a program's settings: validation, defaults, --about, README table. */
export type SettingsSchema = {
  type: 'object'
  properties: { readonly [name: string]: Setting }
  required: readonly string[]
}

export type ReadSettingsOptions = {
  schema: SettingsSchema
  /** The values of --config in order: file names, or the word ENV. */
  sources: readonly string[]
  environment: Record<string, string | undefined>
  /** Environment names are this, an underscore and the setting in upper case. */
  environmentPrefix: string
  log: Log
  /** Faults that lie between settings; called when each one alone is good. */
  check?: (settings: Record<string, unknown>) => string[]
}

/**
 * Reads, merges (later files win, the environment over files), coerces text to each setting's
 * type and validates. Throws one ConfigError that holds all faults; warns of unknown settings.
 */
export async function readSettings(options: ReadSettingsOptions): Promise<Record<string, unknown>> {
  const { schema, log } = options
  const faults: string[] = []
  const settings: Record<string, unknown> = {}
  const files = options.sources.filter((source) => source !== 'ENV')
  for (const file of files) Object.assign(settings, readConfigFile(file, faults))
  if (files.length < options.sources.length) Object.assign(settings, readEnvironment(options))
  const known = Object.keys(schema.properties)
  for (const [name, value] of Object.entries(settings)) {
    const setting = schema.properties[name]
    // Meltano and compose files say null where they mean nothing.
    if (value === null) delete settings[name]
    else if (setting === undefined) warnUnknown(name, known, log)
    else settings[name] = coerce(value, setting.type)
  }
  for (const [name, setting] of Object.entries(schema.properties)) {
    if (settings[name] === undefined && setting.default !== undefined)
      settings[name] = setting.default
    if (setting.secret && typeof settings[name] === 'string') log.hide(settings[name])
  }
  faults.push(...(await validate(settings, schema)))
  if (faults.length === 0) faults.push(...(options.check?.(settings) ?? []))
  if (faults.length > 0)
    throw new ConfigError(faults, {
      hint:
        options.sources.length === 0
          ? 'Give the settings with --config FILE, or --config ENV for the environment.'
          : 'See --about for every setting.',
    })
  return settings
}

function readConfigFile(path: string, faults: string[]): Record<string, unknown> {
  let text: string
  try {
    text = readFileSync(path, 'utf8').replace(/^\uFEFF/, '')
  } catch (cause) {
    faults.push(`--config ${path}: cannot be read (${(cause as Error).message})`)
    return {}
  }
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return parsed as Record<string, unknown>
    faults.push(`--config ${path}: is not a JSON object`)
  } catch (cause) {
    // V8's message quotes the text around the fault, which may be a secret: keep the place only.
    const position = /position (\d+)/.exec((cause as Error).message)?.[1]
    const line =
      position === undefined ? '' : `, line ${text.slice(0, Number(position)).split('\n').length}`
    faults.push(`--config ${path}: is not valid JSON${line}`)
  }
  return {}
}

function readEnvironment(options: ReadSettingsOptions): Record<string, unknown> {
  const prefix = `${options.environmentPrefix}_`
  const found: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options.environment)) {
    // An empty variable is how compose files and .env files leave one out.
    if (!name.startsWith(prefix) || value === undefined || value === '') continue
    const setting = name.slice(prefix.length).toLowerCase()
    // Meltano sets its own <PLUGIN>__EXTRA and <PLUGIN>_LOGLEVEL variables.
    if (setting.startsWith('_') || setting === 'loglevel') continue
    found[setting] = value
  }
  return found
}

function coerce(value: unknown, type: Setting['type']): unknown {
  if (typeof value !== 'string' || type === 'string') return value
  const text = value.trim()
  if (type === 'boolean')
    return /^(true|1)$/i.test(text) ? true : /^(false|0)$/i.test(text) ? false : value
  return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? Number(text) : value
}

async function validate(
  settings: Record<string, unknown>,
  schema: SettingsSchema,
): Promise<string[]> {
  const [{ Ajv }, { default: formats }] = await Promise.all([import('ajv'), import('ajv-formats')])
  const ajv = new Ajv({ allErrors: true, allowUnionTypes: true, keywords: ['secret'] })
  formats.default(ajv)
  const check = ajv.compile(schema)
  if (check(settings)) return []
  const lines = (check.errors ?? []).map((error) => faultLine(error, settings, schema))
  return [...new Set(lines)]
}

function faultLine(
  error: ErrorObject,
  settings: Record<string, unknown>,
  schema: SettingsSchema,
): string {
  if (error.keyword === 'required') {
    const name = String(error.params.missingProperty)
    return `${name}: is required, found nothing (${schema.properties[name]?.title ?? ''})`
  }
  const name = error.instancePath.split('/')[1] ?? ''
  const setting = schema.properties[name]
  const wanted =
    error.keyword === 'enum'
      ? `must be one of ${(error.params.allowedValues as unknown[]).join(', ')}`
      : error.keyword === 'pattern' || error.keyword === 'format'
        ? `must be ${(setting?.form as string | undefined) ?? error.message?.replace(/^must /, '')}`
        : (error.message ?? 'is wrong')
  return `${name}: ${wanted}, found ${describeValue(settings[name], setting)}`
}

function describeValue(value: unknown, setting: Setting | undefined): string {
  if (setting?.secret)
    return typeof value === 'string' ? `a text of ${value.length} characters` : `a ${typeof value}`
  return JSON.stringify(value)
}

function warnUnknown(name: string, known: readonly string[], log: Log): void {
  const nearest = known
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate) }))
    .sort((a, b) => a.distance - b.distance)[0]
  const near = nearest !== undefined && nearest.distance <= Math.max(2, name.length / 2)
  const advice = near
    ? `; did you mean '${nearest.candidate}'?`
    : '; see --about for the known ones'
  log.warning(`unknown setting '${name}' is ignored${advice}`)
}

/** Levenshtein's distance between two short words. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
