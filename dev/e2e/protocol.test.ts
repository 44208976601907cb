import { createReadStream, createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import ndjson from 'ndjson'
import { expect, test } from 'vitest'
import { compareWithCompany, createPipeline, TAP, TARGET } from './pipeline.ts'

type Message = { type: string; stream?: string; record?: Record<string, unknown> }

test('the output of the tap is valid Singer, and a target loads it from a file as from a pipe', async () => {
  const pipeline = await createPipeline({ invoices: 120, customers: 30, items: 20 })
  const file = join(pipeline.folder, 'all.singer')
  const tap = execa(TAP, ['-c', pipeline.tapConfig], { buffer: { stdout: false } })
  tap.stdout.pipe(createWriteStream(file))
  await tap

  const declared = new Set<string>()
  const types: string[] = []
  const lines = createReadStream(file).pipe(ndjson.parse())
  for await (const message of lines as AsyncIterable<Message>) {
    types.push(message.type)
    if (message.type === 'SCHEMA') declared.add(message.stream!)
    if (message.type === 'RECORD') {
      expect(declared).toContain(message.stream)
      expect(typeof message.record?.Id).toBe('string')
    }
  }
  expect(new Set(types)).toEqual(new Set(['SCHEMA', 'RECORD', 'STATE']))
  expect(types.at(-1)).toBe('STATE')
  expect(types.filter((type) => type === 'RECORD').length).toBe(170)

  const target = await execa(TARGET, ['-c', pipeline.targetConfig, '--input', file])
  expect(await compareWithCompany(pipeline)).toEqual([])
  const printed = target.stdout.split('\n').map((line) => JSON.parse(line))
  expect(printed.at(-1).currently_syncing).toBeNull()
})
