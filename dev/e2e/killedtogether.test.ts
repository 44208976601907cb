import { randomInt } from 'node:crypto'
import { existsSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { draw, pick } from '../simulator/random.ts'
import { startRelay } from './killpoints/relay.ts'
import {
  compareWithCompany,
  createPipeline,
  ENTITIES,
  findProcess,
  type Pipeline,
  readStateFile,
} from './pipeline.ts'

/** The same seed kills the same programs at the same bytes. */
const SEED = Number(process.env.KILL_SEED ?? randomInt(1e9))
const POINTS = Math.ceil(Number(process.env.KILL_POINTS ?? 300) / 40)

const VICTIMS = [
  ['tap-quickbooks'],
  ['target-postgres-raw'],
  ['tap-quickbooks', 'target-postgres-raw'],
  ['singer-run', 'tap-quickbooks', 'target-postgres-raw'],
]

/** Rows from before the bookmarks of the state file that are not stored. */
async function missingBefore(pipeline: Pipeline): Promise<string[]> {
  if (!existsSync(pipeline.state)) return []
  const missing: string[] = []
  for (const [stream, { replication_key_value: end }] of Object.entries(
    readStateFile(pipeline).bookmarks,
  )) {
    const { rows } = await pipeline.database.query(`select id from raw.qb_${stream}`)
    const stored = new Set(rows.map(({ id }) => id))
    for (const text of pipeline.simulator.rows(ENTITIES[stream] as string)) {
      const { Id, MetaData } = JSON.parse(text)
      if (new Date(MetaData.LastUpdatedTime) < new Date(end) && !stored.has(Id))
        missing.push(`${stream} ${Id} of ${MetaData.LastUpdatedTime}, bookmark ${end}`)
    }
  }
  return missing
}

test.skipIf(process.platform !== 'linux')(
  'tap, target and runner killed at any byte, one by one or together: the state file is never ahead, and the next run completes',
  { timeout: 60_000 + POINTS * 15_000 },
  async () => {
    const random = { state: SEED }
    for (let points = 0; points < POINTS; ) {
      const pipeline = await createPipeline(
        { invoices: 400, customers: 80, items: 40, burst: 10 },
        { tap: { page_size: 25, chunk_days: 200 } },
      )
      const relay = await startRelay(pipeline.connectionString)
      onTestFinished(() => relay.close())
      pipeline.write('target.json', {
        connection_string: relay.database,
        table_prefix: 'qb_',
        batch_size_rows: 20,
        backoff_seconds: 0.01,
      })
      for (let exitCode: number | undefined; exitCode !== 0; ) {
        const victims = pick(random, VICTIMS)
        let isStruck = false
        const direction = pick(random, ['sent', 'answered'] as const)
        const most = direction === 'sent' ? 500_000 : 25_000
        relay.arm(direction, 1 + draw(random, most), async () => {
          for (const program of victims) {
            const pid = findProcess(pipeline, program)
            if (pid === undefined) continue
            process.kill(pid, 'SIGKILL')
            isStruck = true
          }
        })
        const ended = await pipeline.run()
        await relay.disarm()
        if (isStruck) points++
        const place = `KILL_SEED=${SEED}, point ${points}: ${victims.join()} killed`
        expect([place, await missingBefore(pipeline)]).toEqual([place, []])
        if (!isStruck) expect([place, ended.exitCode]).toEqual([place, 0])
        exitCode = ended.exitCode
      }
      expect(await compareWithCompany(pipeline)).toEqual([])
    }
  },
)
