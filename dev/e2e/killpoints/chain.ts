/**
 * A load that is killed and gone on with, again and again, until it is complete. One seed says
 * what is sent and where the blows fall.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { chance, draw, pick, type Random } from '../../simulator/random.ts'
import type { Direction, Pair, Relay } from './relay.ts'
import { type Calls, type Ended, type Run, type Signal, startRun } from './run.ts'
import { makeSource, resumeAfter, type Source } from './source.ts'
import { findLies, findTear, readStored } from './truth.ts'

export const RECORDS = 120

/** Of a whole run at the least, for a short one begins as a long one does, and must come to an end. */
const LEAST_SHARE = 0.6

/** Where a chain runs: nothing else goes through its relay. */
export type Place = {
  /** The connection string past the relay. */
  database: string
  relay: Relay
  folder: string
  /** How much a whole run makes of each, to know where blows can fall. */
  most: Record<Calls, number> & Record<Direction, number>
}

/** What a blow at a byte does, besides killing the target. */
export type Strike = (pair: Pair, database: string) => Promise<void>

/** How many blows fell, and what they showed; `lies` is empty if all is well. */
export type Outcome = { blows: number; lies: string[] }

type Chain = { random: Random; source: Source; schema: string; config: string; printed: number }

function beginChain(place: Place, seed: number, backoff: number): Chain {
  const random = { state: seed }
  const schema = `kill_${seed}`
  const config = join(place.folder, `${schema}.json`)
  const settings = {
    connection_string: place.relay.database,
    default_target_schema: schema,
    batch_size_rows: 1 + draw(random, 10),
    backoff_seconds: backoff,
  }
  writeFileSync(config, JSON.stringify(settings))
  return { random, source: makeSource(random, RECORDS), schema, config, printed: -1 }
}

/** Kills the target: at a system call where strace is there, else at a byte of its connection. */
export async function killTarget(
  place: Place,
  seed: number,
  withStrace: boolean,
): Promise<Outcome> {
  const chain = beginChain(place, seed, 0.01)
  const { random, source } = chain
  const lies: string[] = []
  let blows = 0
  for (;;) {
    const share = Math.max(LEAST_SHARE, 1 - chain.printed / source.lines.length)
    const input = resumeAfter(source, chain.printed)
    const signals: Signal[] = [pick(random, ['KILL', 'KILL', 'KILL', 'TERM', 'INT'] as const)]
    let run: Run
    if (withStrace && chance(random, 70)) {
      const calls = pick(random, ['sends', 'writes', 'waits'] as const)
      const when = 1 + draw(random, place.most[calls] * share)
      run = startRun(chain.config, input, { calls, signal: signals[0] as Signal, when })
    } else {
      const direction = pick(random, ['sent', 'answered'] as const)
      run = startRun(chain.config, input)
      const strike = async (): Promise<void> => {
        const signal = signals.at(-1) as Signal
        run.process.kill(`SIG${signal}`)
        if (signal === 'KILL') return void (await run.ended)
        if (chance(random, 50)) return
        // And then while it is about to end.
        signals.push('KILL')
        place.relay.arm('sent', 1 + draw(random, 2000), strike)
      }
      place.relay.arm(direction, 1 + draw(random, place.most[direction] * share), strike)
    }
    const ended = await run.ended
    await place.relay.disarm()
    lies.push(...(await examine(place, chain, run, blows === 0)), ...wrongEnd(ended, signals))
    if (ended.code === 0) lies.push(...(await findMissing(place, chain)))
    else blows++
    if (ended.code === 0 || lies.length > 0) return { blows, lies }
  }
}

/** Strikes what the target is connected to, several times in a run. */
export async function strikeServer(
  place: Place,
  seed: number,
  strikes: readonly Strike[],
): Promise<Outcome> {
  const chain = beginChain(place, seed, 0.05)
  const { random, source } = chain
  const lies: string[] = []
  let blows = 0
  for (let runs = 0; ; runs++) {
    const run = startRun(chain.config, resumeAfter(source, chain.printed))
    let isOver = false
    async function blow(pair: Pair): Promise<void> {
      blows++
      try {
        await pick(random, strikes)(pair, place.database)
        lies.push(...(await examine(place, chain, run, runs === 0)))
      } catch (thrown) {
        lies.push(`the blow itself failed: ${(thrown as Error).message}`)
      }
      if (!isOver) arm()
    }
    function arm(): void {
      const direction = pick(random, ['sent', 'answered'] as const)
      place.relay.arm(direction, 1 + draw(random, place.most[direction] / 3), blow)
    }
    arm()
    const ended = await run.ended
    isOver = true
    await place.relay.disarm()
    lies.push(...(await examine(place, chain, run, runs === 0)))
    if (ended.code === 0) lies.push(...(await findMissing(place, chain)))
    else if (ended.code !== 5) lies.push(`the target ended with ${ended.code}: ${ended.log}`)
    if (ended.code === 0 || lies.length > 0) return { blows, lies }
  }
}

/** Whether every STATE printed so far is true; the last is where the next run goes on. */
async function examine(place: Place, chain: Chain, run: Run, isFirst: boolean): Promise<string[]> {
  const lies: string[] = []
  let before = -1
  for (const text of run.printed()) {
    const line = [...chain.source.states].find(([, state]) => state === text)?.[0]
    if (line === undefined) lies.push(`${JSON.stringify(text)} on stdout is no STATE of the source`)
    else if (line <= before) lies.push(`STATE ${line} was printed after STATE ${before}`)
    before = line ?? before
    chain.printed = Math.max(chain.printed, before)
  }
  const stored = await look(place, chain)
  lies.push(...findLies(chain.source, stored, chain.printed))
  // Later runs begin before what is stored, and rows go through it once more.
  if (isFirst) lies.push(...findTear(chain.source, stored))
  return lies
}

/** What is not as the source left it, at the end. */
async function findMissing(place: Place, chain: Chain): Promise<string[]> {
  const last = chain.source.lines.length - 1
  const lies = findLies(chain.source, await look(place, chain), last)
  if (chain.printed !== last) lies.push(`the last STATE is that of line ${chain.printed}`)
  return lies
}

async function look({ database }: Place, { schema, source }: Chain) {
  const client = new pg.Client({ connectionString: database })
  await client.connect()
  try {
    return await readStored(client, schema, source)
  } finally {
    await client.end()
  }
}

const CODES = { KILL: undefined, TERM: 143, INT: 130 }

function wrongEnd({ code, signal, rest, log, seconds }: Ended, sent: readonly Signal[]): string[] {
  const lies: string[] = []
  // A signal that comes while Node itself begins still does what it does to any program.
  const isKilled = sent.some((one) => signal === `SIG${one}` && (one === 'KILL' || log === ''))
  if (!isKilled && code !== 0 && !sent.some((one) => code === CODES[one]))
    lies.push(`after SIG${sent} it ended with ${code ?? signal}: ${log}`)
  if (rest !== '') lies.push(`half a line was printed: ${rest}`)
  // With its start, and on a machine that has other things to do.
  if (seconds > 30) lies.push(`it took ${seconds} seconds to end`)
  return lies
}
