import type { Life } from '@singer-io-ts/core'
import type { Client } from './client.ts'
import { QuickbooksError } from './errors.ts'
import { formatInstant } from './instant.ts'
import { settleAll } from './limiter.ts'
import { planRun, type Run } from './plan.ts'
import { countQuery } from './query.ts'
import { plural } from './report.ts'
import type { Stream } from './streams.ts'
import { createSurvey } from './survey.ts'
import { createGrid, type Grid, type Range, windowOf } from './windows.ts'

/** How many rows changed within the range. One metered call. */
export async function askCount(client: Client, stream: Stream, range: Range): Promise<number> {
  const answer = await client.get({
    stream: stream.name,
    endpoint: 'query',
    path: 'query',
    parameters: { query: countQuery(stream, range), minorversion: '75' },
    member: 'QueryResponse',
  })
  const count = (answer.json.QueryResponse as { totalCount?: unknown }).totalCount
  if (typeof count !== 'number') throw new QuickbooksError('count(*) without totalCount', {})
  return count
}

/**
 * `tap-quickbooks count`: how many rows QuickBooks has in each window, from start_date to the
 * upper bound, a JSON line for each that has any. Loads nothing; asks at most once a window.
 */
export async function count(run: Run, life: Life): Promise<number> {
  const { config, client } = run
  const { out, log } = life
  // Counting begins at start_date, whatever a state says.
  const plan = await planRun({ ...run, state: {} }, life)
  const survey = createSurvey(log)
  await settleAll(
    plan.streams.map(({ stream }) => survey.ask(stream.name, () => countStream(stream))),
  )
  log.info(plural(client.meter.total, 'metered call'))
  return survey.conclude()

  async function countStream(stream: Stream): Promise<void> {
    const range = { start: config.startDate, end: plan.bound.upper }
    const ask = (part: Range) => plan.inSlot(() => askCount(client, stream, part))
    const total = await ask(range)
    const grid = createGrid(config.startDate, config.chunkDays, range)
    for (const { window, rows } of await countByWindow(grid, total, ask))
      await out.write(
        JSON.stringify({
          stream: stream.name,
          extract_window_start_utc: formatInstant(window.start),
          extract_window_end_utc: formatInstant(window.end),
          rows,
        }),
      )
    const moved = total - (await ask(range))
    if (moved !== 0)
      log.warning(
        `${stream.name}: the books were edited meanwhile (${plural(Math.abs(moved), 'row')} moved), ` +
          'so that some windows may be wrong by as many: count again',
      )
    log.info(`${stream.name}: ${plural(total, 'row')} up to ${formatInstant(plan.bound.upper)}`)
  }
}

type WindowCount = { window: Range; rows: number }

/** Halves the grid until windows are single; what is empty is not asked for again. */
async function countByWindow(
  grid: Grid,
  total: number,
  ask: (range: Range) => Promise<number>,
): Promise<WindowCount[]> {
  const { origin, seconds, range } = grid
  const boundary = (cell: number): number =>
    Math.min(Math.max(origin + cell * seconds, range.start), range.end)

  async function within(from: number, to: number, rows: number): Promise<WindowCount[]> {
    if (rows === 0) return []
    if (to - from === 1) return [{ window: windowOf(boundary(from), grid), rows }]
    const middle = Math.floor((from + to) / 2)
    const early = await ask({ start: boundary(from), end: boundary(middle) })
    const late = Math.max(0, rows - early)
    const halves = [within(from, middle, early), within(middle, to, late)]
    return (await settleAll(halves)).flat()
  }
  const cellOf = (at: number): number => Math.floor((at - origin) / seconds)
  return within(cellOf(range.start), cellOf(range.end - 1) + 1, total)
}
