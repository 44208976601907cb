import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { compareWithCompany, createPipeline, findProcess, readStateFile } from './pipeline.ts'

const COMPANY = { invoices: 1500, customers: 300, items: 100, burst: 40 }
const SETTINGS = {
  tap: { page_size: 100, chunk_days: 90 },
  target: { batch_size_rows: 150 },
}

/** npm run test:long kills at more. */
const POINTS = process.env.TEST_LONG ? [3, 8, 14] : [8]

test
  .skipIf(process.platform !== 'linux')
  .each(
    ['tap-quickbooks', 'target-postgres-raw', 'singer-run'].flatMap((program) =>
      POINTS.map((point) => [program, point] as const),
    ),
  )(
  '%s killed at data request %i: the next run goes on, nothing is missing or double',
  async (program, point) => {
    const pipeline = await createPipeline(COMPANY, SETTINGS)
    const { script, simulator } = {
      script: pipeline.simulator.script,
      simulator: pipeline.simulator,
    }
    let killed: number | undefined
    script.onAnswer((count) => {
      if (count !== point || killed !== undefined) return
      killed = findProcess(pipeline, program)
      if (killed !== undefined) process.kill(killed, 'SIGKILL')
    })
    const first = await pipeline.run()
    expect(killed).toBeDefined()
    expect(first.exitCode).not.toBe(0)
    script.clear()

    const before = existsSync(pipeline.state) ? readStateFile(pipeline) : undefined
    simulator.reset()
    const second = await pipeline.run()
    expect(second.exitCode).toBe(0)
    expect(await compareWithCompany(pipeline)).toEqual([])
    // Finished windows are not fetched again: no question reaches back before the bookmark.
    for (const entry of simulator.log()) {
      const bounds = /from (\w+) where MetaData.LastUpdatedTime >= '([^']+)'/.exec(
        entry.query ?? '',
      )
      const stream = { Invoice: 'invoices', Customer: 'customers', Item: 'items' }[
        bounds?.[1] ?? ''
      ]
      const bookmark = before?.bookmarks[stream ?? '']
      if (bookmark === undefined || bounds?.[2] === undefined) continue
      expect(bounds[2] >= bookmark.replication_key_value).toBe(true)
    }
  },
)
