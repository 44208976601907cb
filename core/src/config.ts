import type { ErrorObject } from 'ajv'
import { ConfigError, showValue } from './errors.ts'
import type { Log } from './log.ts'
import { nearestWord } from './nearest.ts'
import { brokenLine, readText } from './textfile.ts'

/** One setting as JSON Schema; `secret: true` keeps its value out of every output. */
export type Setting = {
  type: 'string' | 'integer' | 'number' | 'boolean'
  title: string
  description: string
  default?: string | number | boolean
  secret?: boolean
  /** What a `pattern` asks for, in words. */
  form?: string
  /** What another program calls it: whoever gives it that name is told the right one. */
  elsewhere?: string
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
  /** Faults beyond JSON Schema. Gets the settings that are good so far; others are absent. */
  check?: (settings: Record<string, unknown>) => string[]
}

/**
 * Reads, merges (later files win, the environment over files), coerces text to each setting's
 * type and validates. Throws one ConfigError that holds all faults; warns of unknown settings.
 */
export async function readSettings(options: ReadSettingsOptions): Promise<Record<string, unknown>> {
  const { schema, log } = options
  const faults: string[] = []
  const files = options.sources.filter((source) => source !== 'ENV')
  const layers = files.map((file) => readConfigFile(file, faults))
  if (files.length < options.sources.length) layers.push(readEnvironment(options))
  const areAllRead = faults.length === 0

  const given = new Map<string, unknown>()
  // Meltano and compose files say null where they mean nothing.
  for (const [name, value] of layers.flatMap((layer) => Object.entries(layer)))
    if (value !== null) given.set(name, value)
  for (const name of given.keys())
    if (!Object.hasOwn(schema.properties, name)) warnUnknown(name, schema, log)

  const settings: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries(schema.properties)) {
    const value = given.has(name) ? coerce(given.get(name), setting.type) : setting.default
    if (value !== undefined) settings[name] = value
    if (setting.secret && (typeof value === 'string' || typeof value === 'number'))
      log.hide(String(value))
  }
  const found = await validate(settings, schema)
  // What is missing cannot be known while a file is unread.
  faults.push(...found.filter((fault) => areAllRead || !fault.isMissing).map(({ line }) => line))
  if (areAllRead) {
    const good = { ...settings }
    for (const { name } of found) delete good[name]
    faults.push(...(options.check?.(good) ?? []))
  }
  if (faults.length > 0)
    throw new ConfigError(faults, {
      hint:
        options.sources.length === 0
          ? 'Give the settings with --config FILE, or --config ENV for the environment.'
          : 'See --about for every setting.',
    })
  return settings
}

/**
 * The settings as JSON, for a log: those that differ from their default, and none that is secret
 * or a command line, which may hold a secret.
 */
export function formatGiven(schema: SettingsSchema, settings: Record<string, unknown>): string {
  const shown = Object.entries(settings).filter(([name, value]) => {
    const setting = schema.properties[name]
    const isQuiet = setting === undefined || setting.secret || /_command$/.test(name)
    return !isQuiet && value !== setting.default
  })
  return JSON.stringify(Object.fromEntries(shown))
}

function readConfigFile(path: string, faults: string[]): Record<string, unknown> {
  if (path.trimStart().startsWith('{')) {
    // Whoever gives the settings themselves must not find their secrets in a log.
    faults.push('--config: takes the name of a JSON file, found JSON')
    return {}
  }
  let text: string
  try {
    text = readText(path)
  } catch (cause) {
    const advice = /^env$/i.test(path) ? '; did you mean ENV, the environment?' : ''
    faults.push(`--config ${path}: ${(cause as Error).message}${advice}`)
    return {}
  }
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
      return parsed as Record<string, unknown>
    faults.push(`--config ${path}: is not a JSON object`)
  } catch {
    faults.push(
      text.trim() === ''
        ? `--config ${path}: the file is empty`
        : `--config ${path}: is not valid JSON, line ${brokenLine(text)}`,
    )
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
  const number = /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN
  // Beyond 2^53 the digits would change.
  return Math.abs(number) <= Number.MAX_SAFE_INTEGER ? number : value
}

type Fault = { name: string; line: string; isMissing: boolean }

/** Of a setting, beside those of JSON Schema. */
const KEYWORDS = ['secret', 'form', 'elsewhere']

async function validate(
  settings: Record<string, unknown>,
  schema: SettingsSchema,
): Promise<Fault[]> {
  const [{ Ajv }, { default: formats }] = await Promise.all([import('ajv'), import('ajv-formats')])
  const ajv = new Ajv({
    allErrors: true,
    allowUnionTypes: true,
    keywords: KEYWORDS,
    // It is our own, and tested; to compile what describes schemas would take longer than the rest.
    validateSchema: false,
  })
  formats.default(ajv)
  const check = ajv.compile(schema)
  if (check(settings)) return []
  const faults = new Map<string, Fault>()
  for (const error of check.errors ?? []) {
    const fault = describeFault(error, settings, schema)
    faults.set(fault.line, fault)
  }
  return [...faults.values()]
}

function describeFault(
  error: ErrorObject,
  settings: Record<string, unknown>,
  schema: SettingsSchema,
): Fault {
  if (error.keyword === 'required') {
    const name = String(error.params.missingProperty)
    const line = `${name}: is required, found nothing (${schema.properties[name]?.title ?? ''})`
    return { name, line, isMissing: true }
  }
  const name = error.instancePath.split('/')[1] ?? ''
  const setting = schema.properties[name]
  const wanted =
    error.keyword === 'enum'
      ? `must be one of ${(error.params.allowedValues as unknown[]).join(', ')}`
      : setting?.form !== undefined && ['pattern', 'format', 'type'].includes(error.keyword)
        ? `must be ${setting.form}`
        : (error.message ?? 'is wrong')
  const line = `${name}: ${wanted}, found ${describeValue(settings[name], setting)}`
  return { name, line, isMissing: false }
}

function describeValue(value: unknown, setting: Setting | undefined): string {
  if (setting?.secret)
    return typeof value === 'string' ? `a text of ${value.length} characters` : `a ${typeof value}`
  // The digits in the file are not known any more.
  if (typeof value === 'number' && Math.abs(value) > Number.MAX_SAFE_INTEGER)
    return 'a number of more than 15 digits'
  return showValue(value)
}

function warnUnknown(name: string, { properties }: SettingsSchema, log: Log): void {
  const known = Object.keys(properties)
  const meant =
    known.find((candidate) => properties[candidate]?.elsewhere === name.toLowerCase()) ??
    nearestWord(name, known)
  const advice =
    meant === undefined ? '; see --about for the known ones' : `; did you mean '${meant}'?`
  log.warning(`unknown setting '${name}' is ignored${advice}`)
}
