import {
  type Catalog,
  type CatalogStream,
  ConfigError,
  isStreamSelected,
  type MetadataEntry,
  metadataAt,
  showValue,
} from '@singer-io-ts/core'
import { origin } from './schemas/parts.ts'
import { AUTOMATIC, KEY_PROPERTIES, REPLICATION_KEY, STREAMS, type Stream } from './streams.ts'

/** Members that are there whatever is selected. */
const ALWAYS = new Set([...AUTOMATIC, ...Object.keys(origin)])

/** What the tap can read; made without settings and without a call. */
export function discover(): Catalog {
  return { streams: STREAMS.map(describe) }
}

/** The streams to read, with their catalog entries, in the tap's own order. */
export function selectStreams(
  catalog: Catalog,
): readonly { stream: Stream; entry: CatalogStream }[] {
  const selected = catalog.streams.filter(isStreamSelected)
  const unknown = selected.filter(
    (entry) => !STREAMS.some((stream) => stream.name === entry.tap_stream_id),
  )
  if (unknown.length > 0)
    throw new ConfigError(
      unknown.map((entry) => `--catalog: unknown stream '${entry.tap_stream_id}' is selected`),
      { hint: `Known are ${STREAMS.map((stream) => stream.name).join(', ')}; see --discover.` },
    )
  return STREAMS.flatMap((stream) => {
    const entry = selected.find((candidate) => candidate.tap_stream_id === stream.name)
    return entry === undefined ? [] : [{ stream, entry }]
  })
}

/** What a catalog asks for and does not get: a sentence for each stream and wish. */
export function listWishes(catalog: Catalog): string[] {
  return catalog.streams.filter(isStreamSelected).flatMap((entry) => {
    const nested = entry.metadata
      .filter(({ breadcrumb, metadata }) => breadcrumb.length > 2 && metadata.selected === false)
      .map(({ breadcrumb }) => breadcrumb.filter((part) => part !== 'properties').join('.'))
    const method = metadataAt(entry, [])['replication-method'] ?? entry.replication_method
    return [
      ...(nested.length === 0
        ? []
        : [`${nested.join(', ')}: properties are left out at the top level only, these are read`]),
      ...(method === undefined || method === null || method === 'INCREMENTAL'
        ? []
        : [`replication method ${showValue(method)} is set aside: it is read incrementally`]),
    ].map((wish) => `--catalog: ${entry.tap_stream_id}: ${wish}`)
  })
}

function describe(stream: Stream): CatalogStream {
  const properties = Object.keys(stream.schema.properties as object)
  const metadata: MetadataEntry[] = [
    {
      breadcrumb: [],
      metadata: {
        inclusion: 'available',
        'selected-by-default': stream.selectedByDefault,
        'table-key-properties': KEY_PROPERTIES,
        'forced-replication-method': 'INCREMENTAL',
        'valid-replication-keys': [REPLICATION_KEY],
      },
    },
    ...properties.map(
      (name): MetadataEntry => ({
        breadcrumb: ['properties', name],
        metadata: ALWAYS.has(name)
          ? { inclusion: 'automatic' }
          : { inclusion: 'available', 'selected-by-default': true },
      }),
    ),
  ]
  return {
    tap_stream_id: stream.name,
    stream: stream.name,
    key_properties: KEY_PROPERTIES,
    replication_key: REPLICATION_KEY,
    replication_method: 'INCREMENTAL',
    schema: stream.schema,
    metadata,
  }
}
