import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  type CatalogStream,
  deselectedProperties,
  isStreamSelected,
  type Metadata,
  metadataAt,
  readCatalog,
} from './catalog.ts'
import { ConfigError } from './errors.ts'

const stream = (metadata: CatalogStream['metadata'], more = {}): CatalogStream => ({
  tap_stream_id: 's',
  stream: 's',
  schema: {},
  key_properties: ['Id'],
  metadata,
  ...more,
})

const write = (text: string): string => {
  const path = join(mkdtempSync(join(tmpdir(), 'core-catalog-')), 'catalog.json')
  writeFileSync(path, text)
  return path
}

function faults(path: string): readonly string[] {
  try {
    readCatalog(path)
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(ConfigError)
    return (thrown as ConfigError).faults
  }
  throw new Error('the catalog was accepted')
}

const _ = undefined
// inclusion, selected, selected-by-default → is the stream read, is the property emitted?
const TABLE: [
  string | undefined,
  boolean | null | undefined,
  boolean | undefined,
  boolean,
  boolean,
][] = [
  [_, _, _, false, true],
  [_, _, false, false, false],
  [_, _, true, true, true],
  [_, null, _, false, true],
  [_, null, false, false, false],
  [_, null, true, true, true],
  [_, false, _, false, false],
  [_, false, false, false, false],
  [_, false, true, false, false],
  [_, true, _, true, true],
  [_, true, false, true, true],
  [_, true, true, true, true],
  ['available', _, _, false, true],
  ['available', _, false, false, false],
  ['available', _, true, true, true],
  ['available', null, true, true, true],
  ['available', false, _, false, false],
  ['available', false, true, false, false],
  ['available', true, _, true, true],
  ['available', true, false, true, true],
  ['automatic', _, _, true, true],
  ['automatic', _, false, true, true],
  ['automatic', false, _, true, true],
  ['automatic', false, false, true, true],
  ['automatic', true, true, true, true],
  ['unsupported', _, _, false, false],
  ['unsupported', _, true, false, false],
  ['unsupported', true, _, false, false],
  ['unsupported', true, true, false, false],
]

test.each(TABLE)(
  'inclusion %s, selected %s, selected-by-default %s: stream read %s, property emitted %s',
  (inclusion, selected, byDefault, isRead, isEmitted) => {
    const metadata = {
      ...(inclusion !== undefined && { inclusion }),
      ...(selected !== undefined && { selected }),
      ...(byDefault !== undefined && { 'selected-by-default': byDefault }),
    } as Metadata
    expect(isStreamSelected(stream([{ breadcrumb: [], metadata }]))).toBe(isRead)
    const one = stream([{ breadcrumb: ['properties', 'a'], metadata }])
    expect([...deselectedProperties(one)]).toEqual(isEmitted ? [] : ['a'])
  },
)

test('a stream without metadata is not read, and none of its properties is left out', () => {
  expect(isStreamSelected(stream([]))).toBe(false)
  expect(deselectedProperties(stream([])).size).toBe(0)
})

test.each([
  [{ selected: true }, {}, true],
  [{ selected: false }, {}, false],
  [{ schema: { selected: true } }, {}, true],
  // What a person wrote beats what the tap proposes, in the old place too.
  [{ selected: false }, { 'selected-by-default': true }, false],
  [{ selected: true }, { 'selected-by-default': false }, true],
  [{ selected: true }, { selected: false }, false],
  [{ selected: false }, { selected: true }, true],
  [{ selected: true }, { inclusion: 'unsupported' as const }, false],
  [{ selected: 'yes' }, {}, false],
])('an old catalog with %j beside metadata %j: stream read %s', (more, metadata, isRead) => {
  expect(isStreamSelected(stream([{ breadcrumb: [], metadata }], more))).toBe(isRead)
})

test('only top-level properties are left out', () => {
  const metadata = { selected: false }
  const one = stream([
    { breadcrumb: [], metadata },
    { breadcrumb: ['properties', 'a'], metadata },
    { breadcrumb: ['properties', 'b', 'properties', 'c'], metadata },
    { breadcrumb: ['definitions', 'd'], metadata },
    { breadcrumb: ['properties'], metadata },
  ])
  expect([...deselectedProperties(one)]).toEqual(['a'])
})

test('the metadata of a breadcrumb, unknown members included, or an empty object', () => {
  const metadata = { 'replication-method': 'INCREMENTAL', 'x-mine': [1] }
  const one = stream([{ breadcrumb: ['properties', 'a'], metadata }])
  expect(metadataAt(one, ['properties', 'a'])).toEqual(metadata)
  expect(metadataAt(one, [])).toEqual({})
  expect(metadataAt(one, ['properties', 'b'])).toEqual({})
})

test('a catalog is read as it stands, unknown members included, with or without BOM', () => {
  const catalog = {
    streams: [
      {
        tap_stream_id: 'a',
        stream: 'b',
        schema: { type: 'object' },
        key_properties: ['Id'],
        replication_method: 'INCREMENTAL',
        metadata: [{ breadcrumb: [], metadata: { selected: true, mine: 1 }, more: 2 }],
      },
    ],
  }
  expect(readCatalog(write(JSON.stringify(catalog)))).toEqual(catalog)
  expect(readCatalog(write(`\uFEFF${JSON.stringify(catalog)}`))).toEqual(catalog)
})

test('an old catalog may leave out one of the two names, and everything else', () => {
  const whole = { schema: {}, key_properties: [], metadata: [] }
  expect(readCatalog(write('{"streams":[{"stream":"a"},{"tap_stream_id":"b"}]}'))).toEqual({
    streams: [
      { tap_stream_id: 'a', stream: 'a', ...whole },
      { tap_stream_id: 'b', stream: 'b', ...whole },
    ],
  })
  expect(readCatalog(write('{"streams":[]}'))).toEqual({ streams: [] })
})

test.each(['null', '1', '"streams"', '[]', '{}', '{"streams":{}}', '{"streams":null}'])(
  'a file that holds %s is no catalog',
  (text) => {
    const path = write(text)
    expect(faults(path)).toEqual([`--catalog ${path}: has no list 'streams'`])
  },
)

test('a file that is missing or not JSON is named', () => {
  expect(faults('/no/such/file')[0]).toMatch(/^--catalog \/no\/such\/file: cannot be read \(ENOENT/)
  for (const text of ['', '{"streams":[', 'x'])
    expect(faults(write(text))[0]).toMatch(/catalog.json: is not valid JSON, line 1$/)
  // A settings file that is given instead is not quoted.
  expect(faults(write('{\n"refresh_token": hidden-word}'))[0]).toMatch(/not valid JSON, line 2$/)
  const path = write('')
  writeFileSync(path, Buffer.from('{"streams":[]}', 'utf16le'))
  expect(faults(path)).toEqual([`--catalog ${path}: is UTF-16 text; save it as UTF-8`])
})

test('all faults of a catalog are said at once', () => {
  const path = write(
    JSON.stringify({
      streams: [
        null,
        {},
        { stream: 'a', metadata: [null, { breadcrumb: [], metadata: {} }, { metadata: {} }] },
        { stream: 'b', metadata: [{ breadcrumb: [] }] },
      ],
    }),
  )
  const shape = "is not an object with a list 'breadcrumb' and an object 'metadata'"
  expect(faults(path)).toEqual([
    `--catalog ${path}: stream 1 has no tap_stream_id`,
    `--catalog ${path}: stream 2 has no tap_stream_id`,
    `--catalog ${path}: metadata 1 of stream 'a' ${shape}`,
    `--catalog ${path}: metadata 3 of stream 'a' ${shape}`,
    `--catalog ${path}: metadata 1 of stream 'b' ${shape}`,
  ])
})

const entry = (metadata: unknown, breadcrumb: unknown = []) => ({
  tap_stream_id: 'a',
  metadata: [{ breadcrumb, metadata }],
})

test.each([
  [entry({ selected: 'yes' }), /^metadata 1 .*'selected' that is neither true nor false: "yes"$/],
  [entry({ selected: 1 }), /^metadata 1 .*'selected' that is neither true nor false: 1$/],
  [entry({ 'selected-by-default': [] }), /'selected-by-default' that is neither .*: \[\]$/],
  [entry({ selected: { on: true } }), /'selected' that is neither/],
  [{ tap_stream_id: 'a', selected: 'yes' }, /^'selected' of stream 'a' is neither .*: "yes"$/],
  [entry({}, ['properties', 7]), /^metadata 1 of stream 'a' has a 'breadcrumb' that holds/],
  [{ tap_stream_id: 'a', metadata: {} }, /^'metadata' of stream 'a' is not a list$/],
  [{ tap_stream_id: 'a', metadata: 'x' }, /^'metadata' of stream 'a' is not a list$/],
  [{ tap_stream_id: 'a', schema: true }, /^'schema' of stream 'a' is not an object$/],
  [{ tap_stream_id: 'a', stream: 7 }, /^'stream' of stream 'a' must be a text, found 7$/],
  [{ tap_stream_id: 'a', stream: '' }, /^'stream' of stream 'a' must be a text, found ""$/],
  [{ tap_stream_id: 7 }, /^stream 1 has no tap_stream_id$/],
  [[], /^stream 1 has no tap_stream_id$/],
])('what a person may have written in a catalog, %j, is refused by name', (written, fault) => {
  const path = write(JSON.stringify({ streams: [written] }))
  const found = faults(path)
  expect(found).toHaveLength(1)
  expect(found[0]?.slice(`--catalog ${path}: `.length)).toMatch(fault)
})

test('a value that nests deeply is refused, not a fall', () => {
  const path = write('')
  const nested = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
  writeFileSync(path, `{"streams":[{"tap_stream_id":"a","stream":${nested}}]}`)
  expect(faults(path)[0]).toMatch(/must be a text, found something that nests too deeply$/)
})

test('a stream that stands there twice is refused, naming both', () => {
  const path = write('{"streams":[{"stream":"a"},{"stream":"b"},{"tap_stream_id":"a"}]}')
  expect(faults(path)).toEqual([`--catalog ${path}: stream 3 is 'a' again, as stream 1: keep one`])
})

test('two streams whose rows would be sent under one name are refused', () => {
  const path = write('{"streams":[{"stream":"a"},{"tap_stream_id":"b","stream":"a"}]}')
  expect(faults(path)).toEqual([
    `--catalog ${path}: stream 2 has the same 'stream' as stream 1: 'a'`,
  ])
})

test('texts of true and false are taken for what they say', () => {
  const catalog = readCatalog(
    write(
      JSON.stringify({
        streams: [
          { stream: 'a', metadata: [{ breadcrumb: [], metadata: { selected: 'true' } }] },
          { stream: 'c', selected: 'true' },
          {
            stream: 'b',
            metadata: [
              { breadcrumb: [], metadata: { selected: 'false', 'selected-by-default': true } },
              { breadcrumb: ['properties', 'x'], metadata: { 'selected-by-default': 'false' } },
              { breadcrumb: ['properties', 'y'], metadata: { selected: null } },
            ],
          },
        ],
      }),
    ),
  )
  expect(catalog.streams.map(isStreamSelected)).toEqual([true, true, false])
  expect([...deselectedProperties(catalog.streams[2] as CatalogStream)]).toEqual(['x'])
})

test('of two entries for the same breadcrumb the last one counts', () => {
  const on = { selected: true }
  const off = { selected: false }
  const one = stream([
    { breadcrumb: [], metadata: on },
    { breadcrumb: ['properties', 'a'], metadata: off },
    { breadcrumb: ['properties', 'b'], metadata: on },
    { breadcrumb: [], metadata: off },
    { breadcrumb: ['properties', 'a'], metadata: on },
    { breadcrumb: ['properties', 'b'], metadata: off },
  ])
  expect(isStreamSelected(one)).toBe(false)
  expect([...deselectedProperties(one)]).toEqual(['b'])
})
