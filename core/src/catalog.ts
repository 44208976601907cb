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
    throw new ConfigError([`--catalog ${path}: ${(cause as Error).message}`], { cause })
  }
  const streams = (catalog as Catalog | null)?.streams
  if (!Array.isArray(streams))
    throw new ConfigError([`--catalog ${path}: has no list 'streams'`], {
      hint: 'Make one with --discover.',
    })
  const faults = streams.flatMap((stream: Partial<CatalogStream> | null, index) =>
    typeof stream?.tap_stream_id === 'string' || typeof stream?.stream === 'string'
      ? []
      : [`--catalog ${path}: stream ${index + 1} has no tap_stream_id`],
  )
  if (faults.length > 0) throw new ConfigError(faults)
  return {
    streams: streams.map((stream: CatalogStream) => ({
      ...stream,
      tap_stream_id: stream.tap_stream_id ?? stream.stream,
      stream: stream.stream ?? stream.tap_stream_id,
      metadata: Array.isArray(stream.metadata) ? stream.metadata : [],
    })),
  }
}

/** Whether the stream is to be read. */
export function isStreamSelected(stream: CatalogStream): boolean {
  return isSelected(metadataAt(stream, []), stream.selected === true)
}

/** The stream's top-level properties that are not to be emitted; unknown ones always are. */
export function deselectedProperties(stream: CatalogStream): Set<string> {
  const names = new Set<string>()
  for (const { breadcrumb, metadata } of stream.metadata) {
    const name = breadcrumb[1]
    if (breadcrumb.length !== 2 || breadcrumb[0] !== 'properties' || name === undefined) continue
    if (!isSelected(metadata, false)) names.add(name)
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
