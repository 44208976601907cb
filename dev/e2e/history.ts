import fc from 'fast-check'
import type { Fault } from '../simulator/index.ts'

/** A history, as data: what users do to a company, and the runs of the tap in between. */
export type History = { company: Size; steps: Step[] }

export type Size = {
  seed: number
  invoices: number
  customers: number
  items: number
  burst: number
  bursts: number
}

export type Step = Change | Advance | Run

export type Change = {
  change:
    | 'edit'
    | 'touch'
    | 'insert'
    | 'late'
    | 'void'
    | 'delete'
    | 'deactivate'
    | 'reactivate'
    | 'merge'
  entity: 'Invoice' | 'Customer' | 'Item'
  /** Which of the rows, counted round and round. */
  pick: number
  /** How many rows; for `late`, how many seconds ago the one row seems to have changed. */
  count: number
}

/** Seconds. */
export type Advance = { advance: number }

export type Run = {
  run: Record<string, number | boolean>
  /** What happens between two requests: before the n-th answer leaves. */
  during: { answer: number; steps: (Change | Advance | { expire: true })[] }[]
  faults: Fault[]
  /** Killed when stdout has so many lines, or before so many answers have left. */
  kill: { lines: number } | { answers: number } | undefined
  /**
   * The consumer has stored this part of the lines, and the next run goes on so many STATEs before
   * the last of them: what is stored may be more than the state says, never less.
   */
  lost: { states: number; kept: number }
}

export type Kind = {
  /** Rows become visible late, at most by so many seconds, and runs look back as far. */
  lateSeconds: number
  /** The most that the clock is advanced in one step. */
  mostDays: number
  onDeleteGap: 'warn' | 'reload'
}

const INVOICE_CHANGES = ['edit', 'touch', 'insert', 'insert', 'void', 'delete'] as const
const NAME_CHANGES = ['edit', 'touch', 'insert', 'deactivate', 'reactivate', 'merge'] as const

function change({ lateSeconds }: Kind): fc.Arbitrary<Change> {
  const pick = fc.nat({ max: 60 })
  // One row, some, or more than a page within one second.
  const count = fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 20 }))
  const invoice = fc.record({
    change: fc.constantFrom(...INVOICE_CHANGES),
    entity: fc.constant('Invoice' as const),
    pick,
    count,
  })
  const name = fc.record({
    change: fc.constantFrom(...NAME_CHANGES),
    entity: fc.constantFrom('Customer' as const, 'Item' as const),
    pick,
    count,
  })
  if (lateSeconds === 0) return fc.oneof(invoice, name)
  const late = fc.record({
    change: fc.constant('late' as const),
    entity: fc.constantFrom('Invoice' as const, 'Customer' as const),
    pick,
    count: fc.integer({ min: 1, max: lateSeconds }),
  })
  return fc.oneof(invoice, name, late, late)
}

function advance({ mostDays }: Kind): fc.Arbitrary<Advance> {
  const some = [1, 2, 5, 59, 3600, 86_400].map((seconds) => fc.constant(seconds))
  const days = fc.integer({ min: 0, max: mostDays }).map((count) => 1 + count * 86_400)
  return fc.record({ advance: fc.oneof(...some, days) })
}

/** Together fewer than `max_attempts`, so that a run gets over them. */
const passing = fc.array(
  fc.oneof(
    fc.constant<Fault>({ status: 503, body: 'html' }),
    fc.constant<Fault>({ status: 429, body: 'xml', headers: { 'Retry-After': '0' } }),
    fc.constant<Fault>({ status: 200, body: 'json-fault' }),
    fc.constant<Fault>({ drop: true }),
    fc.constantFrom('close', 'reset', 'short-length', 'chunked').map((cut): Fault => {
      return { cutAfterBytes: 150, cut }
    }),
    fc.integer({ min: 1, max: 3 }).map((maxResults): Fault => {
      return { maxResults, endpoint: 'query', times: 2 }
    }),
  ),
  { maxLength: 4 },
)
const lasting = fc.constantFrom<Fault[]>(
  [],
  [],
  [],
  [{ maxResults: 2, endpoint: 'query', times: 0 }],
  [{ repeatRow: true, endpoint: 'query', times: 0 }],
  [{ extraRows: 2, endpoint: 'query', times: 0 }],
  // Rows that QuickBooks cannot give out.
  [{ poisonedId: ['2', '7', '8', '19', '30'], endpoint: 'query', times: 0 }],
  [
    {
      poisonedId: ['4', '11', '25'],
      poisonCode: '610',
      poisonSparesProjection: true,
      endpoint: 'query',
      times: 0,
    },
  ],
  // More than a request's tries: streams fail.
  [{ status: 503, body: 'html', times: 7 }],
)

function placed(faults: fc.Arbitrary<Fault[]>): fc.Arbitrary<Fault[]> {
  return fc
    .tuple(faults, fc.nat({ max: 12 }))
    .map(([some, after]) => some.map((fault) => ({ ...fault, after })))
}

function run(kind: Kind): fc.Arbitrary<Run> {
  const during = fc.record({
    answer: fc.integer({ min: 1, max: 25 }),
    steps: fc.array(
      fc.oneof(
        { weight: 6, arbitrary: change(kind) },
        { weight: 1, arbitrary: fc.record({ advance: fc.constantFrom(1, 30, 100) }) },
        { weight: 1, arbitrary: fc.constant({ expire: true as const }) },
      ),
      { minLength: 1, maxLength: 3 },
    ),
  })
  const settings = fc.record(
    {
      page_size: fc.integer({ min: 2, max: 7 }),
      concurrency: fc.integer({ min: 1, max: 8 }),
      chunk_days: fc.constantFrom(0.01, 0.7, 30, 400),
      call_limit: fc.integer({ min: 1, max: 15 }),
      deletes: fc.constantFrom(true, true, false),
    },
    { requiredKeys: ['page_size', 'concurrency', 'chunk_days'] },
  )
  return fc.record({
    run: fc.oneof(
      settings,
      settings.map(({ call_limit: _, ...unlimited }) => unlimited),
    ),
    during: fc.array(during, { maxLength: 6 }),
    faults: fc.oneof(
      fc.constant<Fault[]>([]),
      fc.tuple(placed(passing), lasting).map(([some, always]) => [...some, ...always]),
    ),
    kill: fc.oneof(
      fc.constant(undefined),
      fc.record({ lines: fc.integer({ min: 1, max: 150 }) }),
      fc.record({ answers: fc.integer({ min: 1, max: 25 }) }),
    ),
    lost: fc.record({
      states: fc.oneof(fc.constant(0), fc.nat({ max: 4 })),
      kept: fc.constantFrom(1, 1, 0, 0.06, 0.15, 0.4, 0.8),
    }),
  })
}

export function histories(kind: Kind): fc.Arbitrary<History> {
  return fc.record({
    company: fc.record({
      seed: fc.nat({ max: 1000 }),
      invoices: fc.integer({ min: 1, max: 60 }),
      customers: fc.integer({ min: 1, max: 25 }),
      items: fc.integer({ min: 1, max: 6 }),
      burst: fc.integer({ min: 2, max: 20 }),
      bursts: fc.nat({ max: 2 }),
    }),
    steps: fc.array(
      fc.oneof(
        { weight: 5, arbitrary: change(kind) },
        { weight: 2, arbitrary: advance(kind) },
        { weight: 3, arbitrary: run(kind) },
      ),
      { minLength: 2, maxLength: 16 },
    ),
  })
}
