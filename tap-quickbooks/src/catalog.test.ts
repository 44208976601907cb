import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import { expect, test } from 'vitest'
import { expectComplete, ids, records, STREAM_NAMES } from '../fixtures/reading.ts'
import { type Message, openWorld, startTap } from '../fixtures/tap.ts'

type Entry = {
  breadcrumb: string[]
  metadata: Record<string, unknown>
}
type Stream = {
  tap_stream_id: string
  stream: string
  metadata: Entry[]
  schema: Message['schema']
}
type Catalog = { streams: Stream[] }

async function discover(): Promise<Catalog> {
  const run = await startTap(['--discover']).ended
  expect([run.code, run.stderr]).toEqual([0, ''])
  expect(run.stdout).toBe(`${JSON.stringify(JSON.parse(run.stdout), null, 2)}\n`)
  return JSON.parse(run.stdout) as Catalog
}

function metadataOf(catalog: Catalog, stream: string, name?: string): Record<string, unknown> {
  const entries = catalog.streams.find((one) => one.tap_stream_id === stream)?.metadata
  const found = entries?.find(({ breadcrumb }) => breadcrumb[1] === name)
  if (found === undefined) throw new Error(`no metadata of ${stream} ${name}`)
  return found.metadata
}

test.concurrent('--discover says all that can be read without settings or a call', async () => {
  const catalog = await discover()
  expect(catalog.streams.slice(0, 3).map((one) => one.tap_stream_id)).toEqual(STREAM_NAMES)
  for (const stream of catalog.streams) {
    expect(stream).toMatchObject({
      key_properties: ['Id'],
      replication_method: 'INCREMENTAL',
      replication_key: 'MetaData.LastUpdatedTime',
    })
    expect(metadataOf(catalog, stream.tap_stream_id)).toMatchObject({
      'selected-by-default': STREAM_NAMES.includes(stream.tap_stream_id as never),
      'valid-replication-keys': ['MetaData.LastUpdatedTime'],
      'table-key-properties': ['Id'],
    })
    for (const name of Object.keys(stream.schema.properties)) {
      const { inclusion } = metadataOf(catalog, stream.tap_stream_id, name)
      const automatic = ['Id', 'MetaData'].includes(name) || name.startsWith('_sdc_')
      expect(inclusion, name).toBe(automatic ? 'automatic' : 'available')
    }
  }
})

test.concurrent('the discovered catalog, given back, reads the same as none', async () => {
  const world = await openWorld({ limits: false })
  const run = await world.run({ catalog: await discover() })
  expect(run.code).toBe(0)
  expectComplete(world, [run])
})

test.concurrent('a stream that is deselected costs no call, a property that is deselected is absent', async () => {
  const catalog = await discover()
  metadataOf(catalog, 'customers').selected = false
  for (const name of ['Line', 'CustomerRef', 'Id', 'MetaData', '_sdc_page_number'])
    metadataOf(catalog, 'invoices', name).selected = false
  const world = await openWorld({ limits: false })
  const run = await world.run({ catalog })
  expect(run.code).toBe(0)
  expect(run.messages.filter(({ type }) => type === 'SCHEMA').map(({ stream }) => stream)).toEqual([
    'invoices',
    'items',
  ])
  expect(world.simulator.stats().metered.byEntity.Customer).toBe(undefined)
  expect(run.state.bookmarks.customers).toBe(undefined)
  for (const { record } of records(run, 'invoices')) {
    for (const name of ['Line', 'CustomerRef']) expect(record).not.toHaveProperty(name)
    for (const name of ['Id', 'MetaData', 'TotalAmt', '_sdc_page_number'])
      expect(record).toHaveProperty(name)
  }
})

test.concurrent('a catalog by hand cannot take the key and the change time away', async () => {
  const off = (name: string) => ({
    breadcrumb: ['properties', name],
    metadata: { inclusion: 'available', selected: false },
  })
  const stream = {
    tap_stream_id: 'items',
    stream: 'items',
    schema: { type: 'object' },
    metadata: [
      { breadcrumb: [], metadata: { selected: true } },
      ...['Id', 'MetaData', 'Name', '_sdc_page_number'].map(off),
    ],
  }
  const world = await openWorld({ limits: false })
  const run = await world.run({ catalog: { streams: [stream] } })
  expect(run.code).toBe(0)
  expect(ids(run, 'items')).toHaveLength(8)
  for (const { record } of records(run, 'items')) {
    expect(record).not.toHaveProperty('Name')
    for (const name of ['Id', 'MetaData', '_sdc_page_number', '_sdc_request_payload'])
      expect(record).toHaveProperty(name)
  }
  expect(Object.keys(world.simulator.stats().metered.byEntity)).toEqual(['Item'])
})

test.concurrent('what a catalog asks for and does not get is said', async () => {
  const stream = (name: string, metadata: object[], more = {}) => ({
    tap_stream_id: name,
    metadata: [{ breadcrumb: [], metadata: { selected: true, ...more } }, ...metadata],
  })
  const nested = ['properties', 'Line', 'properties', 'Amount']
  const world = await openWorld({ limits: false })
  const run = await world.run({
    catalog: {
      streams: [
        stream('invoices', [{ breadcrumb: nested, metadata: { selected: false } }]),
        stream('items', [], { 'replication-method': 'FULL_TABLE' }),
        stream('customers', [], { 'replication-method': 'INCREMENTAL' }),
      ],
    },
  })
  expect(run.code).toBe(0)
  expectComplete(world, [run])
  expect(run.stderr).toMatch(/^WARNING --catalog: invoices: Line\.Amount: properties are left out/m)
  expect(run.stderr).toMatch(/^WARNING --catalog: items: replication method "FULL_TABLE" is set/m)
  expect(run.stderr.match(/^WARNING --catalog/gm)).toHaveLength(2)
})

test.concurrent('an unknown stream that is selected is refused before any request, --properties is --catalog', async () => {
  const catalog = await discover()
  const [first] = catalog.streams as [Stream]
  catalog.streams.push({ ...first, tap_stream_id: 'invoyces', stream: 'invoyces' })
  const world = await openWorld({ limits: false })
  const config = world.file('config.json', world.settings)
  for (const flag of ['--properties', '-p', '--catalog']) {
    const run = await world.run({ args: ['-c', config, flag, world.file('catalog.json', catalog)] })
    expect([run.code, run.stdout]).toEqual([1, ''])
    expect(run.stderr).toMatch(/^ERROR --catalog: unknown stream 'invoyces' is selected/m)
  }
  expect(world.simulator.stats().requests).toBe(0)
})

test.concurrent('a count lists no total that the catalog leaves out of the load', async () => {
  const world = await openWorld({ invoices: 3, customers: 1, items: 1, limits: false })
  const args = ['count', '-c', world.file('config.json', world.settings), '--rows']
  const catalog = await discover()
  const totals = async () => {
    const { code, stdout } = await world.run({ args, catalog })
    expect(code).toBe(0)
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    const listed = lines.filter(({ stream, rows }) => stream === 'invoices' && Array.isArray(rows))
    return listed.flatMap(({ rows }) => rows.map((row: unknown[]) => typeof row[2]))
  }
  expect(await totals()).toEqual(Array(3).fill('string'))
  metadataOf(catalog, 'invoices', 'TotalAmt').selected = false
  expect(await totals()).toEqual(Array(3).fill('object'))
})

test.concurrent('every record is valid by the schema that was announced', async () => {
  const world = await openWorld({ invoices: 700, customers: 250, items: 120, limits: false })
  const { company, clock } = world.simulator
  const first = await world.run()
  clock.advance(60)
  company.void('Invoice', company.ids('Invoice')[7] as string)
  company.delete('Invoice', company.ids('Invoice')[3] as string)
  company.deactivate('Customer', company.ids('Customer')[3] as string)
  clock.advance(60)
  const second = await world.run({ state: first.state })
  const ajv = new Ajv({ strict: false, allErrors: true })
  formats.default(ajv)
  for (const stream of STREAM_NAMES) {
    const schema = first.messages.find(
      (message) => message.type === 'SCHEMA' && message.stream === stream,
    )?.schema
    const check = ajv.compile(schema ?? false)
    const rows = [...records(first, stream), ...records(second, stream)]
    for (const { record } of rows) {
      check(record)
      expect(check.errors ?? [], `${stream} ${record.Id}`).toEqual([])
    }
    const announced = Object.keys(schema?.properties ?? {})
    const sent = new Set(rows.flatMap(({ record }) => Object.keys(record)))
    expect(
      [...sent].filter((name) => !announced.includes(name)),
      stream,
    ).toEqual([])
  }
  expect(records(second, 'invoices').some(({ record }) => record._sdc_deleted_at)).toBe(true)
})
