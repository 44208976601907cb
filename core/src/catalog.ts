import { readFileSync } from 'node:fs'
import { ConfigError } from './errors.ts'
import type { JsonSchema } from './messages.ts'

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
  let catalog: unknown
  try {
    catalog = JSON.parse(readFileSync(path, 'utf8').replace(/^\uFEFF/, ''))
  } catch (cause) {
    const what = cause instanceof SyntaxError ? 'is not valid JSON' : 'cannot be read'
    throw new ConfigError([`--catalog ${path}: ${what} (${(cause as Error).message})`], { cause })
  }
  const streams = (catalog as Catalog | null)?.streams
  if (!Array.isArray(streams))
    throw new ConfigError([`--catalog ${path}: has no list 'streams'`], {
      hint: 'Make one with --discover.',
    })
  const faults = streams.flatMap((stream: Partial<CatalogStream> | null, index) => {
    const name = stream?.tap_stream_id ?? stream?.stream
    if (typeof name !== 'string')
      return [`--catalog ${path}: stream ${index + 1} has no tap_stream_id`]
    return listMetadata(stream).flatMap((entry, place) =>
      isMetadataEntry(entry)
        ? []
        : [
            `--catalog ${path}: metadata ${place + 1} of stream '${name}' is not an object with ` +
              "a list 'breadcrumb' and an object 'metadata'",
          ],
    )
  })
  if (faults.length > 0) throw new ConfigError(faults)
  return {
    streams: streams.map((stream: CatalogStream) => ({
      ...stream,
      tap_stream_id: stream.tap_stream_id ?? stream.stream,
      stream: stream.stream ?? stream.tap_stream_id,
      schema: isObject(stream.schema) ? stream.schema : {},
      key_properties: Array.isArray(stream.key_properties) ? stream.key_properties : [],
      metadata: listMetadata(stream) as MetadataEntry[],
    })),
  }
}

function listMetadata(stream: Partial<CatalogStream> | null): readonly unknown[] {
  return Array.isArray(stream?.metadata) ? stream.metadata : []
}

function isMetadataEntry(entry: unknown): boolean {
  return isObject(entry) && Array.isArray(entry.breadcrumb) && isObject(entry.metadata)
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
  const names = new Set<string>()
  for (const { breadcrumb, metadata } of stream.metadata) {
    const name = breadcrumb[1]
    if (breadcrumb.length !== 2 || breadcrumb[0] !== 'properties' || name === undefined) continue
    if (!isSelected(metadata, true)) names.add(name)
  }
  return names
}

/** The metadata of a breadcrumb, `{}` where there is none. */
export function metadataAt(stream: CatalogStream, breadcrumb: readonly string[]): Metadata {
  const wanted = breadcrumb.join('\n')
  return stream.metadata.find((entry) => entry.breadcrumb.join('\n') === wanted)?.metadata ?? {}
}

function isSelected(metadata: Metadata, otherwise: boolean): boolean {
  if (metadata.inclusion === 'unsupported') return false
  if (metadata.inclusion === 'automatic') return true
  if (typeof metadata.selected === 'boolean') return metadata.selected
  return metadata['selected-by-default'] ?? otherwise
}
