import { execa } from 'execa'
import { expect, test } from 'vitest'
import { createPipeline, TAP, TARGET } from './pipeline.ts'

/** The sorted lines that `count` of a program prints. */
async function countedBy(program: string, config: string): Promise<string[]> {
  const { stdout } = await execa(program, ['count', '--config', config])
  return stdout.split('\n').sort()
}

test('the counts of both programs are the same lines, until a row is lost', async () => {
  const pipeline = await createPipeline(
    { invoices: 1500, customers: 200, items: 50 },
    { tap: { end_date: '2018-03-05T06:07:08Z', chunk_days: 61.5, page_size: 200 } },
  )
  expect((await pipeline.run()).exitCode).toBe(0)
  const there = await countedBy(TAP, pipeline.tapConfig)
  expect(await countedBy(TARGET, pipeline.targetConfig)).toEqual(there)
  expect(there.length).toBeGreaterThan(15)
  // Cut at the end of the range.
  expect(there.filter((line) => line.includes('"2018-03-05T06:07:08Z"'))).not.toEqual([])

  await pipeline.database.query(
    'delete from raw.qb_invoices where id = (select min(id) from raw.qb_invoices)',
  )
  const less = await countedBy(TARGET, pipeline.targetConfig)
  expect(less.filter((line) => !there.includes(line))).toHaveLength(1)
})

test('target-postgres-raw state gives back the very state file that was lost', async () => {
  const pipeline = await createPipeline({ invoices: 100, customers: 10, items: 5 })
  expect((await pipeline.run()).exitCode).toBe(0)
  const kept = (await execa('cat', [pipeline.state])).stdout
  const { stdout } = await execa(TARGET, ['state', '-c', pipeline.targetConfig])
  expect(stdout).toBe(kept)
  pipeline.write('state.json', stdout)
  pipeline.simulator.clock.advance(60)
  pipeline.simulator.reset()
  expect((await pipeline.run()).exitCode).toBe(0)
  expect(pipeline.simulator.stats().metered.total).toBe(1)
})
