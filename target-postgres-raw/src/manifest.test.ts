import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import { beforeEach, expect, test } from 'vitest'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { load, rowsOf, schema, state } from '../fixtures/trial.ts'

let database: string

beforeEach(async () => {
  database = await testDatabase()
})

test('BATCH files of jsonl, plain and gzip, are loaded', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'batch '))
  const plain = join(folder, 'a b.jsonl')
  const packed = join(folder, 'b.jsonl.gz')
  writeFileSync(plain, '{"Id":1,"x":1.10}\n{"Id":2}\n')
  writeFileSync(packed, gzipSync('{"Id":3}\n\n{"Id":4}'))
  const batch = (compression: string | undefined, ...files: string[]) => ({
    type: 'BATCH',
    stream: 's',
    encoding: { format: 'jsonl', ...(compression && { compression }) },
    manifest: files.map((file) => pathToFileURL(file).href),
  })
  const { code, states } = await load(
    database,
    [schema('s'), batch(undefined, plain), batch('gzip', packed), state({ n: 1 })],
    { settings: { batch_size_rows: 2 } },
  )
  expect([code, states]).toEqual([0, ['{"n":1}']])
  expect((await rowsOf(database, 'raw.s', 'id')).map((row) => row.id)).toEqual(['1', '2', '3', '4'])

  writeFileSync(plain, '{"Id":5}\n{"Id":1e200000,"n":1e200000}\n')
  const refused = await load(database, [schema('s'), batch('none', plain)])
  expect([refused.code, refused.fault?.message]).toEqual([
    6,
    expect.stringContaining(`${plain}, line 2`),
  ])
  writeFileSync(packed, gzipSync('{"Id":3}\n{"Id":4}').subarray(0, 20))
  for (const bad of [
    batch('gzip', packed),
    batch('zstd', plain),
    batch('none', join(folder, 'none')),
    { ...batch('none'), manifest: ['s3://bucket/x.jsonl'] },
    { ...batch('none'), encoding: { format: 'parquet' } },
  ]) {
    const { code: end, fault } = await load(database, [schema('s'), bad])
    expect([end, fault?.message]).toEqual([
      6,
      expect.stringMatching(/^line 2: a BATCH of stream 's'/),
    ])
  }
})
