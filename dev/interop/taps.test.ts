import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, onTestFinished, type TestContext, test, vi } from 'vitest'
import { createPipeline, type Pipeline, RUNNER, TAP, TARGET } from '../e2e/pipeline.ts'
import { skip } from '../skip.ts'
import { INSTALLING_MS, IS_LONG } from './installing.ts'
import { pythonWith } from './python.ts'

vi.setConfig({ testTimeout: INSTALLING_MS })

const SMOKE = fileURLToPath(new URL('smoke_tap.py', import.meta.url))

/** Where the programs of a virtual environment are. */
async function programs(context: TestContext, requirements: string): Promise<string> {
  const python = await pythonWith(requirements)
  return 'missing' in python ? skip(context, python.missing) : python.bin
}

const needsLong = (context: TestContext): unknown =>
  IS_LONG || skip(context, 'npm run test:long has it')

/** Loads what a tap reads, with the state of the last run. */
async function load(pipeline: Pipeline, tap: string, name = 'state.json'): Promise<string> {
  const target = `${TARGET} -c ${pipeline.targetConfig}`
  const flags = ['--tap', tap, '--target', target, '--state', join(pipeline.folder, name)]
  const { exitCode, stderr } = await execa(RUNNER, flags, { reject: false })
  expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ exitCode: 0, stderr: '' })
  return stderr
}

const ask = async (pipeline: Pipeline, query: string) => (await pipeline.database.query(query)).rows

test("a tap of Meltano's SDK: keys of two, none, a bookmark, and files (BATCH)", async (context) => {
  const python = join(await programs(context, 'sdk'), 'python')
  const pipeline = await createPipeline({ invoices: 1, customers: 1, items: 1 })
  const tap = (settings: object): string =>
    `${python} ${SMOKE} --config ${pipeline.write('smoke.json', settings)}`
  await load(pipeline, tap({ rows: 500 }))
  expect(
    await ask(
      pipeline,
      `select count(*)::int as rows, count(extracted_at_utc)::int as times, sum((payload->>'weight')::numeric)::text as sum,
              max(payload->>'name') filter (where id = '["cat",7]') as name
       from raw.qb_animals`,
    ),
  ).toEqual([{ rows: 500, times: 500, sum: '137225.00', name: 'Zoë "7" 🐈\n' }])
  expect(await ask(pipeline, 'select count(*)::int from raw.qb_sightings')).toEqual([
    { count: 500 },
  ])

  // The SDK begins with the row that its bookmark names.
  const again = await load(pipeline, tap({ rows: 510 }))
  expect(again).toMatch(/'animals' \(qb_animals\): inserted 10, updated 0, unchanged 1, /)
  expect(again).toMatch(/'Sightings' \(qb_sightings\): inserted 10, updated 0, unchanged 500, /)

  const batches = {
    encoding: { format: 'jsonl', compression: 'gzip' },
    storage: { root: `file://${pipeline.folder}` },
  }
  const files = await load(pipeline, tap({ rows: 530, batch_config: batches }))
  expect(files).toMatch(/'animals' \(qb_animals\): inserted 20, /)
  expect(await ask(pipeline, 'select count(*)::int from raw.qb_animals')).toEqual([{ count: 530 }])
})

const SHOP = `
  create schema shop;
  create table shop.orders (id bigint primary key, total numeric(38, 10), at timestamptz, day date, doc jsonb, tags text[],
                            ref uuid, big bigint, note text);
  insert into shop.orders
    select n, n * 1.10 / 3, '2026-01-01'::timestamptz + n * interval '1 second', '2026-01-01'::date + n % 300,
           jsonb_build_object('a', n * 1.10), array['a', 'b' || n], gen_random_uuid(), 9007199254740993 + n, 'é ' || n
    from generate_series(1, 1000) n`

test.for([
  {
    name: 'MeltanoLabs',
    requirements: 'meltanolabs-tap-postgres',
    database: 'database',
    schemas: ['shop'],
  },
  {
    name: 'PipelineWise',
    requirements: 'pipelinewise-tap-postgres',
    database: 'dbname',
    schemas: 'shop',
  },
])('tap-postgres of $name: each number to its last digit', async (tap, context) => {
  needsLong(context)
  const program = join(await programs(context, tap.requirements), 'tap-postgres')
  const pipeline = await createPipeline({ invoices: 1, customers: 1, items: 1 })
  await pipeline.database.query(SHOP)
  const { hostname, port, username, password, pathname } = new URL(pipeline.connectionString)
  const config = pipeline.write('shop.json', {
    host: hostname,
    port: Number(port || 5432),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    [tap.database]: pathname.slice(1),
    filter_schemas: tap.schemas,
  })
  const { stdout } = await execa(program, ['--config', config, '--discover'])
  const catalog = JSON.parse(stdout)
  for (const { metadata } of catalog.streams)
    for (const entry of metadata)
      if (entry.breadcrumb.length === 0)
        Object.assign(entry.metadata, { selected: true, 'replication-method': 'FULL_TABLE' })
  const command = `${program} --config ${config} --catalog ${pipeline.write('catalog.json', catalog)}`
  await load(pipeline, command)
  const compare = `
    select count(*)::int as rows,
           count(*) filter (where (payload->>'total')::numeric = total and (payload->>'big')::bigint = big
                              and (payload->>'at')::timestamptz = at and payload->'note' = to_jsonb(note)
                              and payload->'tags' = to_jsonb(tags) and payload->'doc' = doc)::int as same
    from shop.orders o join raw.qb_shop_orders t on t.id = o.id::text`
  expect(await ask(pipeline, compare)).toEqual([{ rows: 1000, same: 1000 }])
  expect(await load(pipeline, command)).toMatch(/inserted 0, updated 0, unchanged 1000,/)
})

test('a tap for any REST API', async (context) => {
  needsLong(context)
  const program = join(await programs(context, 'tap-rest-api-msdk'), 'tap-rest-api-msdk')
  const pipeline = await createPipeline({ invoices: 1, customers: 1, items: 1 })
  const rows = Array.from({ length: 300 }, (_, n) => ({
    id: n,
    price: n / 4,
    tag: { name: `n${n}` },
  }))
  const server = createServer((_, answer) => {
    answer.setHeader('content-type', 'application/json').end(JSON.stringify({ rows }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const config = pipeline.write('rest.json', {
    api_url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    streams: [{ name: 'prices', path: '/', records_path: '$.rows[*]', primary_keys: ['id'] }],
  })
  await load(pipeline, `${program} --config ${config}`)
  expect(
    await ask(
      pipeline,
      `select count(*)::int, sum((payload->>'price')::numeric)::float from raw.qb_prices`,
    ),
  ).toEqual([{ count: 300, sum: (299 * 300) / 8 }])
})

test('singer-check-tap passes the tap, with and without a state', async (context) => {
  needsLong(context)
  const program = join(await programs(context, 'singer-tools'), 'singer-check-tap')
  const pipeline = await createPipeline({ invoices: 300, customers: 40, items: 20 })
  const read = async (...flags: string[]): Promise<string> =>
    (await execa(TAP, ['-c', pipeline.tapConfig, ...flags])).stdout
  const check = async (input: string): Promise<string> =>
    (await execa(program, { cwd: pipeline.folder, input })).stdout
  const all = await read()
  expect(await check(all)).toMatch(/\| invoices +\| 300 +\|/)
  const { value } = JSON.parse(all.split('\n').at(-1) ?? '')
  expect(await check(await read('--state', pipeline.write('state.json', value)))).toMatch(
    /\| invoices +\| 0 +\|/,
  )
})
