import { ConfigError, showValue } from './errors.ts'
import type { JsonSchema } from './messages.ts'
import { brokenLine, readText } from './textfile.ts'

/** What a breadcrumb (`[]` the stream, `["properties", "Name"]` a property) is told about. */
export type Metadata = {
  inclusion?: 'automatic' | 'available' | 'unsupported'
  selected?: boolean | null
  'selected-by-default'?: boolean
  [key: string]: unknown
}
export type MetadataEntry = { breadcrumb: readonly string[]; metadata: Metadata }
export type CatalogStream = {
  tap_stream_id: string
  stream: string
  schema: JsonSchema
  key_properties: readonly string[]
  metadata: readonly MetadataEntry[]
  [member: string]: unknown
}
export type Catalog = { streams: readonly CatalogStream[] }

/** Reads the file that `--catalog` names; throws ConfigError when it is not a Singer catalog. */
export function readCatalog(path: string): Catalog {
  const refuse = (faults: readonly string[], hint?: string): never => {
    throw new ConfigError(
      faults.map((fault) => `--catalog ${path}: ${fault}`),
      { hint },
    )
  }
  const streams = (readJson(path, refuse) as Catalog | null)?.streams as unknown
  if (!Array.isArray(streams)) return refuse(["has no list 'streams'"], 'Make one with --discover.')
  const faults = streams.flatMap((stream, index) => streamFaults(stream, index + 1))
  faults.push(...streams.flatMap((_, index) => repetitionFaults(streams, index)))
  if (faults.length > 0) refuse(faults)
  return {
    streams: streams.map((stream: CatalogStream) => ({
      ...stream,
      tap_stream_id: stream.tap_stream_id ?? stream.stream,
      stream: stream.stream ?? stream.tap_stream_id,
      ...('selected' in stream && { selected: readFlag(stream.selected) }),
      schema: isObject(stream.schema) ? stream.schema : {},
      key_properties: Array.isArray(stream.key_properties) ? stream.key_properties : [],
      metadata: (stream.metadata ?? []).map(readEntry),
    })),
  }
}

function readJson(path: string, refuse: (faults: readonly string[]) => never): unknown {
  let text: string
  try {
    text = readText(path)
  } catch (thrown) {
    return refuse([(thrown as Error).message])
  }
  try {
    return JSON.parse(text)
  } catch {
    return refuse([`is not valid JSON, line ${brokenLine(text)}`])
  }
}

function nameOf(stream: unknown): string | undefined {
  const name = isObject(stream) ? (stream.tap_stream_id ?? stream.stream) : undefined
  return typeof name === 'string' ? name : undefined
}

/** The name in its messages. */
function titleOf(stream: unknown): unknown {
  return (isObject(stream) ? stream.stream : undefined) ?? nameOf(stream)
}

function repetitionFaults(streams: readonly unknown[], index: number): string[] {
  const stream = streams[index]
  const name = nameOf(stream)
  if (name === undefined) return []
  const same = streams.findIndex((other) => nameOf(other) === name)
  if (same < index)
    return [`stream ${index + 1} is '${name}' again, as stream ${same + 1}: keep one`]
  const namesake = streams.findIndex((other) => titleOf(other) === titleOf(stream))
  return namesake < index
    ? [`stream ${index + 1} has the same 'stream' as stream ${namesake + 1}: '${titleOf(stream)}'`]
    : []
}

/** What is wrong with an entry that a person may have written. */
function streamFaults(stream: unknown, number: number): string[] {
  const name = nameOf(stream)
  if (!isObject(stream) || name === undefined) return [`stream ${number} has no tap_stream_id`]
  const title = titleOf(stream)
  const { selected = true } = stream
  const metadata: unknown = stream.metadata ?? []
  const faults: string[] = []
  if (typeof title !== 'string' || title === '')
    faults.push(`'stream' of stream '${name}' must be a text, found ${showValue(title)}`)
  if (typeof (readFlag(selected) ?? true) !== 'boolean')
    faults.push(`'selected' of stream '${name}' is neither true nor false: ${showValue(selected)}`)
  if (!isObject(stream.schema ?? {})) faults.push(`'schema' of stream '${name}' is not an object`)
  if (!Array.isArray(metadata)) return [...faults, `'metadata' of stream '${name}' is not a list`]
  for (const [index, entry] of metadata.entries()) {
    const fault = entryFault(entry)
    if (fault !== undefined) faults.push(`metadata ${index + 1} of stream '${name}' ${fault}`)
  }
  return faults
}

function entryFault(entry: unknown): string | undefined {
  if (!isObject(entry) || !Array.isArray(entry.breadcrumb) || !isObject(entry.metadata))
    return "is not an object with a list 'breadcrumb' and an object 'metadata'"
  if (!entry.breadcrumb.every((part) => typeof part === 'string'))
    return "has a 'breadcrumb' that holds something else than texts"
  const { metadata } = entry
  for (const flag of FLAGS) {
    const value = metadata[flag] ?? true
    if (typeof readFlag(value) !== 'boolean')
      return `has a '${flag}' that is neither true nor false: ${showValue(value)}`
  }
  return undefined
}

/** Members of metadata that are true, false or, as absent ones, null. */
const FLAGS = ['selected', 'selected-by-default']

/** Settings and scripts that write catalogs make texts of true and false. */
function readFlag(value: unknown): unknown {
  return value === 'true' ? true : value === 'false' ? false : value
}

function readEntry(entry: MetadataEntry): MetadataEntry {
  const flags = FLAGS.filter((flag) => flag in entry.metadata)
  const read = Object.fromEntries(flags.map((flag) => [flag, readFlag(entry.metadata[flag])]))
  return { ...entry, metadata: { ...entry.metadata, ...read } }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether the stream is to be read. `selected` beside the metadata is how old catalogs say it. */
export function isStreamSelected(stream: CatalogStream): boolean {
  const metadata = metadataAt(stream, [])
  const old = stream.selected ?? stream.schema?.selected
  const selected = metadata.selected ?? (typeof old === 'boolean' ? old : undefined)
  return isSelected({ ...metadata, selected: selected ?? null }, false)
}

/**
 * The stream's top-level properties that are not to be emitted. Those that nothing is said about
 * go with their stream, as in the Meltano SDK.
 */
export function deselectedProperties(stream: CatalogStream): Set<string> {
  const properties = new Map<string, boolean>()
  for (const { breadcrumb, metadata } of stream.metadata) {
    const name = breadcrumb[1]
    if (breadcrumb.length !== 2 || breadcrumb[0] !== 'properties' || name === undefined) continue
    properties.set(name, isSelected(metadata, true))
  }
  return new Set([...properties.keys()].filter((name) => !properties.get(name)))
}

/** The metadata of a breadcrumb, the last one as in the Meltano SDK; `{}` where there is none. */
export function metadataAt(stream: CatalogStream, breadcrumb: readonly string[]): Metadata {
  const wanted = breadcrumb.join('\n')
  return stream.metadata.findLast((entry) => entry.breadcrumb.join('\n') === wanted)?.metadata ?? {}
}

function isSelected(metadata: Metadata, otherwise: boolean): boolean {
  if (metadata.inclusion === 'unsupported') return false
  if (metadata.inclusion === 'automatic') return true
  if (typeof metadata.selected === 'boolean') return metadata.selected
  return metadata['selected-by-default'] ?? otherwise
}
