// The demo's company: the same at every start, and alive between two starts.
import { existsSync, readFileSync } from 'node:fs'
import { writeFileAtomic } from '@singer-io-ts/core'
import { type Simulator, startSimulator } from './simulator/index.ts'

export type Sizes = { invoices: number; customers: number; items: number }

/** What a run did, for comparison with the next. */
export type RunNote = { at: string; rows: number; calls: number }

/** What is kept so that the next start finds the same company, as it has become. */
export type Diary = {
  sizes: Sizes
  from: string
  to: string
  /** When business went on, since nobody looked: an instant for each later start. */
  business: string[]
  runs: RunNote[]
}

const SEED = 2016
const YEARS = 10

/** The diary as it was kept; undefined when there is none that can be read. */
export function readDiary(path: string): Diary | undefined {
  if (!existsSync(path)) return undefined
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Diary
  } catch {
    return undefined
  }
}

export async function writeDiary(path: string, diary: Diary): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(diary, null, 2)}\n`)
}

/** A company whose ten years end today. */
export function beginDiary(sizes: Sizes): Diary {
  const to = new Date()
  to.setUTCHours(0, 0, 0, 0)
  const from = new Date(to)
  from.setUTCFullYear(to.getUTCFullYear() - YEARS)
  return { sizes, from: from.toISOString(), to: to.toISOString(), business: [], runs: [] }
}

/**
 * When business went on before this start: late enough that the last run has not seen it, early
 * enough that this one will, since the tap stays 30 seconds behind now.
 */
export function businessInstant(now: number): string {
  return new Date(now - 31_000).toISOString()
}

/** Starts the simulator with the company as the diary tells it. */
export async function startCompany(diary: Diary): Promise<Simulator> {
  const simulator = await startSimulator({
    seed: SEED,
    ...diary.sizes,
    from: diary.from,
    to: diary.to,
    // It counts requests when it gets to them, and a busy machine gets to many of them at once.
    // The limit a minute stays.
    limits: { perSecond: 0 },
  })
  diary.business.forEach((instant, round) => {
    simulator.clock.set(instant)
    doBusiness(simulator.company, round + 1)
  })
  simulator.clock.set(Date.now())
  return simulator
}

/** A morning's work: three invoices paid, one written, one deleted, a customer and an item edited. */
function doBusiness(company: Simulator['company'], round: number): void {
  const pick = (entity: string, step: number): string | undefined => {
    const ids = company.ids(entity)
    return ids[(round * 7919 + step * 104_729) % ids.length]
  }
  const edit = (entity: string, step: number, setText: Record<string, string>): void => {
    const id = pick(entity, step)
    if (id !== undefined) company.edit(entity, id, { setText })
  }
  for (const step of [1, 2, 3]) edit('Invoice', step, { Balance: '0', HomeBalance: '0' })
  company.insert('Invoice')
  const mistaken = pick('Invoice', 4)
  if (mistaken !== undefined) company.delete('Invoice', mistaken)
  edit('Customer', 5, { Notes: JSON.stringify(`Called on round ${round}`) })
  edit('Item', 6, { UnitPrice: `${20 + round}.5` })
}
