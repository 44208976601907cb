import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { ask, startPostgres } from '../postgres.ts'
import { testDatabase } from '../vitest-postgres.ts'
import {
  killTarget,
  type Outcome,
  type Place,
  RECORDS,
  type Strike,
  strikeServer,
} from './killpoints/chain.ts'
import { startRelay } from './killpoints/relay.ts'
import { countCalls, hasStrace, startRun } from './killpoints/run.ts'
import { makeSource } from './killpoints/source.ts'

/** The same seed kills at the same places; 2,000 points take some ten minutes. */
const SEED = Number(process.env.KILL_SEED ?? randomInt(1e9))
const POINTS = Number(process.env.KILL_POINTS ?? 300)
const LANES = 3
const patient = { timeout: 120_000 + POINTS * 3_000 }

const withStrace = hasStrace()

/** Some places that can be used at the same time. */
async function createPlaces(database: string): Promise<Place[]> {
  const first = await createPlace(database)
  const others = Array.from({ length: LANES - 1 }, () => createPlace(database, first.most))
  return [first, ...(await Promise.all(others))]
}

async function createPlace(database: string, most?: Place['most']): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'killpoints-'))
  const relay = await startRelay(database)
  onTestFinished(async () => {
    await relay.close()
    rmSync(folder, { recursive: true })
  })
  return { database, relay, folder, most: most ?? (await measure(folder, relay)) }
}

/** One undisturbed run, to know how much can be counted in it. */
async function measure(
  folder: string,
  relay: Awaited<ReturnType<typeof startRelay>>,
): Promise<Place['most']> {
  const config = join(folder, 'measured.json')
  const settings = {
    connection_string: relay.database,
    default_target_schema: 'measured',
    batch_size_rows: 5,
  }
  writeFileSync(config, JSON.stringify(settings))
  const input = makeSource({ state: 1 }, RECORDS).lines.join('')
  expect((await startRun(config, input).ended).code).toBe(0)
  const { sent, answered } = relay.passed
  const count = async (calls: 'sends' | 'writes' | 'waits') =>
    withStrace ? countCalls(config, input, calls) : 0
  const [sends, writes, waits] = [await count('sends'), await count('writes'), await count('waits')]
  return { sent, answered, sends, writes, waits }
}

/** Chains from one seed on, a few at a time, until so many blows have fallen. */
async function untilPoints(
  points: number,
  places: readonly Place[],
  run: (place: Place, seed: number) => Promise<Outcome>,
): Promise<void> {
  const begun = performance.now()
  let blows = 0
  let chains = 0
  const lies: string[] = []
  await Promise.all(
    places.map(async (place) => {
      while (blows < points && lies.length === 0) {
        const seed = SEED + chains++
        const outcome = await run(place, seed)
        blows += outcome.blows
        const told = outcome.lies.slice(0, 5).map((lie) => lie.slice(0, 1000))
        if (told.length > 0) lies.push(`KILL_SEED=${seed} KILL_POINTS=1`, ...told)
      }
    }),
  )
  const seconds = Math.round((performance.now() - begun) / 1000)
  console.log(`${blows} kill points in ${chains} loads, ${seconds} s, KILL_SEED=${SEED}`)
  expect(lies).toEqual([])
}

test(
  'no STATE is ahead, whatever call or byte the target is killed at, and the next run completes',
  patient,
  async () => {
    if (!withStrace) console.log('no strace here: the target is killed at bytes of its connection')
    const database = await testDatabase()
    const places = await createPlaces(database)
    await untilPoints(Math.ceil(POINTS * 0.75), places, (place, seed) =>
      killTarget(place, seed, withStrace),
    )
  },
)

const cut: Strike = async (pair) => pair.cut()

const terminate: Strike = async ({ port }, database) => {
  await ask(
    database,
    'select pg_terminate_backend(pid) from pg_stat_activity where client_port = $1',
    [port],
  )
}

test(
  'no STATE is ahead when connections are cut and sessions ended at any byte',
  patient,
  async () => {
    const database = await testDatabase()
    const places = await createPlaces(database)
    await untilPoints(Math.ceil(POINTS * 0.2), places, (place, seed) =>
      strikeServer(place, seed, [cut, terminate]),
    )
  },
)

test('no STATE is ahead when Postgres crashes at any byte', patient, async () => {
  // One of its own, for all its sessions end with it. The machine stays up, and what was written.
  const postgres = await startPostgres({ settings: { fsync: 'off' } })
  onTestFinished(() => postgres.stop('immediate'))
  const killBackend: Strike = async ({ port }, database) => {
    const client = new pg.Client({ connectionString: database })
    client.on('error', () => {})
    await client.connect()
    const sql = 'select pid from pg_stat_activity where client_port = $1'
    const { rows } = await client.query(sql, [port])
    if (rows[0] === undefined) return client.end()
    // The postmaster ends all other sessions too, as soon as it has seen it.
    const seen = new Promise((resolve) => client.once('end', resolve))
    process.kill(rows[0].pid, 'SIGKILL')
    await seen
    await untilUp(database)
  }
  const stop: Strike = () => postgres.restart('immediate')
  const kill: Strike = async () => {
    await postgres.kill9()
    await postgres.restart()
  }
  const place = await createPlace(await postgres.createDatabase())
  await untilPoints(Math.ceil(POINTS * 0.05), [place], (each, seed) =>
    strikeServer(each, seed, [killBackend, stop, kill]),
  )
})

async function untilUp(database: string): Promise<void> {
  const answers = () =>
    ask(database, 'select 1').then(
      () => true,
      () => false,
    )
  await expect.poll(answers, { timeout: 30_000 }).toBe(true)
}
