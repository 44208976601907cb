import { randomInt } from 'node:crypto'
import pg from 'pg'
import { beforeAll, expect, test } from 'vitest'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { mutate } from '../fixtures/mutation.ts'
import { start } from '../fixtures/program.ts'
import { load, type Trial } from '../fixtures/trial.ts'

/** The same seed makes the same mutants. */
const SEED = Number(process.env.FUZZ_SEED ?? randomInt(1e9))
const MUTANTS = Number(process.env.FUZZ_MUTANTS ?? 300)

let database: string

beforeAll(async () => {
  database = await testDatabase()
})

/** A stream as a tap may send it. */
const RECORDED = Buffer.from(
  [
    '{"type":"SCHEMA","stream":"orders","schema":{"properties":{"Id":{"type":"string"}}},"key_properties":["Id"]}',
    '{"type":"SCHEMA","stream":"lines","schema":{},"key_properties":["order","n"],"bookmark_properties":[]}',
    '{"type":"RECORD","stream":"orders","record":{"Id":"1","total":1.10,"name":"Zoë \\u00e9 \\ud83d\\ude00"},"time_extracted":"2024-01-01T00:00:01Z"}',
    '{"type":"RECORD","stream":"lines","record":{"order":"1","n":1,"text":"a\\"b\\\\c\\n"}}',
    '{"type": "RECORD", "stream": "orders", "record": {"Id": "2", "big": 12345678901234567890.12}, "version": 7}',
    '{"type":"STATE","value":{"bookmarks":{"orders":{"replication_key_value":"2024-01-01"}}}}',
    '',
    '{"type":"RECORD","stream":"orders","record":{"Id":"3","deep":{"list":[1,[2,{"x":null}],true]}},"version":7}',
    '{"type":"RECORD","stream":"orders","record":{"Id":"1","_sdc_deleted_at":"2024-01-02T00:00:00Z"},"time_extracted":"2024-01-02T00:00:00Z"}',
    '{"type":"SCHEMA","stream":"log","schema":{},"key_properties":[]}',
    '{"type":"RECORD","stream":"log","record":{"at":1,"what":"日本"}}',
    '{"type":"RECORD","stream":"lines","record":{"order":"2","n":2,"_sdc_page_number":3}}',
    '{"type":"STATE","value":{"bookmarks":{"orders":{"replication_key_value":"2024-01-02"}}}}',
    '{"type":"ACTIVATE_VERSION","stream":"orders","version":7}',
    '{"type":"RECORD","stream":"log","record":{"at":2,"what":"end"}}',
    '{"type":"RECORD","stream":"orders","record":{"Id":"4"},"version":7}',
    '{"type":"STATE","value":{"bookmarks":{"orders":{"replication_key_value":"2024-01-03"}}}}',
  ].join('\n'),
)

type Value = Record<string, unknown>
type Read = {
  /** By stream: the rows that must be there, by their key's values; of a keyless one the records. */
  rows: Map<string, Set<string>>
  /** The last STATE that says something. */
  state: string | undefined
}

/** Reads what is good before a line, in a way of its own. */
function readBefore(bytes: Buffer, end: number): Read {
  const keys = new Map<string, string[]>()
  const read: Read = { rows: new Map(), state: undefined }
  const lines = bytes
    .toString('latin1')
    .split('\n')
    .slice(0, end - 1)
  for (const line of lines) {
    let message: Value
    try {
      const decoder = new TextDecoder('utf-8', { fatal: true })
      message = JSON.parse(decoder.decode(Buffer.from(line, 'latin1')))
    } catch {
      continue
    }
    const { type, stream, record, value } = message ?? {}
    if (type === 'SCHEMA') keys.set(String(stream), (message.key_properties ?? []) as string[])
    if (type === 'STATE' && value !== null && JSON.stringify(value) !== '{}')
      read.state = JSON.stringify(value)
    if (type !== 'RECORD' || typeof record !== 'object' || record === null) continue
    const rows = read.rows.get(String(stream)) ?? new Set()
    read.rows.set(String(stream), rows)
    rows.add(rowKey(record as Value, keys.get(String(stream)) ?? []))
  }
  return read
}

/** What tells a row from others; characters that Postgres cannot store count as equal. */
function rowKey(record: Value, keys: readonly string[]): string {
  const isOrigin = (name: string) => name.startsWith('_sdc_')
  const parts = keys.length > 0 ? keys.map((key) => record[key]) : sorted(record, isOrigin)
  return JSON.stringify(parts).replace(/\\u0000|\\ud[89a-f][0-9a-f]{2}|\ufffd/g, '?')
}

function sorted(value: unknown, isLeftOut: (name: string) => boolean): unknown {
  if (Array.isArray(value)) return value.map((one) => sorted(one, () => false))
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).filter(([name]) => !isLeftOut(name))
  return members
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, at]) => [name, sorted(at, () => false)])
}

/** By stream the rows that are stored. */
async function readStored(client: pg.Client, schema: string): Promise<Map<string, Set<string>>> {
  const stored = new Map<string, Set<string>>()
  const { rows: streams } = await client.query(
    `select stream, table_name, key_properties from ${schema}._singer_streams`,
  )
  for (const { stream, table_name, key_properties } of streams) {
    const table = `${schema}.${pg.escapeIdentifier(table_name)}`
    const { rows } = await client.query(
      `select payload::text, payload_source as source from ${table}`,
    )
    stored.set(
      stream,
      new Set(
        rows.map(({ payload, source }) => rowKey(JSON.parse(source ?? payload), key_properties)),
      ),
    )
  }
  return stored
}

/** What is not as it must be after this input. */
function findWrong(bytes: Buffer, trial: Trial, stored: Map<string, Set<string>>): string[] {
  const wrong: string[] = []
  const { code, fault, states, log } = trial
  if (code !== 0 && code !== 6) wrong.push(`exit ${code}: ${fault?.stack}`)
  const line = /^line (\d+): /.exec(fault?.message ?? '')?.[1]
  if (code === 6 && line === undefined) wrong.push(`no line in '${fault?.message}'`)
  if (/^\s+at /m.test(log)) wrong.push(`a stack trace: ${log}`)
  const must = readBefore(bytes, line === undefined ? Infinity : Number(line))
  for (const [stream, rows] of must.rows)
    for (const row of rows)
      if (!stored.get(stream.replace(/\0|\p{Surrogate}/gu, '\ufffd'))?.has(row))
        wrong.push(`${row} of stream '${stream}' is missing`)
  const count = (map: Map<string, Set<string>>) =>
    [...map.values()].reduce((sum, { size }) => sum + size, 0)
  if (count(stored) > count(must.rows)) wrong.push('more is stored than was sent')
  const printed = states.at(-1)
  if (must.state !== (printed && JSON.stringify(JSON.parse(printed))))
    wrong.push(`the last STATE printed is ${printed}, and ${must.state} came`)
  return wrong
}

test('the recorded stream itself is loaded whole', async () => {
  const trial = await load(database, RECORDED, { settings: { default_target_schema: 'whole' } })
  const client = new pg.Client({ connectionString: database })
  await client.connect()
  const stored = await readStored(client, 'whole')
  await client.end()
  expect([trial.code, findWrong(RECORDED, trial, stored)]).toEqual([0, []])
  expect([...stored.values()].map(({ size }) => size)).toEqual([4, 2, 2])
})

test('a damaged stream is refused with its line, or nothing of it is missing', {
  timeout: 60_000 + MUTANTS * 2000,
}, async () => {
  const client = new pg.Client({ connectionString: database })
  await client.connect()
  const ends = new Map<number, number>()
  for (let count = 0; count < MUTANTS; count++) {
    const seed = SEED + count
    const random = { state: seed }
    const bytes = mutate(random, RECORDED)
    const schema = `mutant_${seed}`
    const settings = { default_target_schema: schema, batch_size_rows: 1 + (seed % 4) }
    const trial = await load(database, bytes, { settings })
    ends.set(trial.code, (ends.get(trial.code) ?? 0) + 1)
    const wrong = findWrong(bytes, trial, await readStored(client, schema))
    expect({ seed: `FUZZ_SEED=${seed} FUZZ_MUTANTS=1`, wrong, bytes: bytes.toString() }).toEqual({
      seed: expect.anything(),
      wrong: [],
      bytes: expect.anything(),
    })
    await client.query(`drop schema ${schema} cascade`)
  }
  await client.end()
  // Both ends are seen, else the damage is too small or too great.
  if (MUTANTS >= 100) expect([...ends.keys()].sort()).toEqual([0, 6])
})

test('the program itself ends so too, with one line that says what is wrong', async () => {
  for (let count = 0; count < 8; count++) {
    const random = { state: SEED + count }
    const target = start([], { connection_string: database, default_target_schema: `run_${count}` })
    target.process.stdin.end(mutate(random, RECORDED))
    const { code, log } = await target.ended
    expect([0, 6]).toContain(code)
    expect(log).not.toMatch(/^\s+at /m)
    if (code === 6) expect(log.trim().split('\n').at(-1)).toMatch(/^CRITICAL line \d+: /)
  }
})
