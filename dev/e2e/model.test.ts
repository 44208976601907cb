import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openCopying } from './copying.ts'
import { type History, histories, type Kind } from './history.ts'

/*
 * Random histories against the one thing that is known to be right: what the company holds in the
 * end. MODEL_RUNS says how many; a failure prints its seed and path, and MODEL_SEED and MODEL_PATH
 * play it again.
 */
const RUNS = Number(process.env.MODEL_RUNS ?? 18)
const SEED = process.env.MODEL_SEED
const PATH = process.env.MODEL_PATH
/** Histories played at the same time, each with a company of its own. */
const AT_ONCE = SEED === undefined ? 3 : 1
const MINUTES = Number(process.env.MODEL_MINUTES ?? 10)

async function play({ company, steps }: History, kind: Kind): Promise<void> {
  const copying = await openCopying(company, kind)
  try {
    for (const step of steps)
      if ('run' in step) await copying.run(step)
      else if ('change' in step) copying.change(step)
      else copying.simulator.clock.advance(step.advance)
    copying.simulator.clock.advance(1)
    await copying.finish()
    // What was deleted since a reload began is known only after it.
    if (kind.onDeleteGap === 'reload') await copying.finish()
    expect(copying.state()?.currently_syncing).toBe(null)
    copying.expectEqual()
  } finally {
    await copying.close()
  }
}

async function holds(kind: Kind, share: number): Promise<void> {
  const first = SEED === undefined ? Math.floor(Math.random() * 2 ** 30) : Number(SEED)
  const property = fc.asyncProperty(histories(kind), (history) => play(history, kind))
  await Promise.all(
    Array.from({ length: AT_ONCE }, (_, index) =>
      fc.assert(property, {
        seed: first + index,
        ...(PATH !== undefined && { path: PATH }),
        numRuns: Math.ceil((RUNS * share) / AT_ONCE),
        interruptAfterTimeLimit: MINUTES * 60_000,
      }),
    ),
  )
}

const TIMEOUT = (MINUTES + 1) * 60_000

test(
  'whatever happens to the company and to the runs, what was copied equals the company in the end',
  () => holds({ lateSeconds: 0, mostDays: 1, onDeleteGap: 'warn' }, 0.6),
  TIMEOUT,
)

test(
  'rows that become visible late arrive with a look-back, whatever happens to the runs',
  () => holds({ lateSeconds: 20, mostDays: 1, onDeleteGap: 'warn' }, 0.2),
  TIMEOUT,
)

test(
  'runs more than 30 days apart equal the company too when a gap is closed by a reload',
  () => holds({ lateSeconds: 0, mostDays: 45, onDeleteGap: 'reload' }, 0.2),
  TIMEOUT,
)
