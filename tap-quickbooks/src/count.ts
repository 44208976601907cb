import type { Life } from '@singer-io-ts/core'
import { askCount } from './asking.ts'
import { formatInstant } from './instant.ts'
import { settleAll } from './limiter.ts'
import { endOf, listRows } from './listing.ts'
import { type Given, lineOfBegin, lineOfEnd, lineOfWindow } from './listinglines.ts'
import { planRun, type Run } from './plan.ts'
import { plural } from './report.ts'
import type { Stream } from './streams.ts'
import { createSurvey } from './survey.ts'
import { createGrid, type Grid, type Range, windowOf } from './windows.ts'

/**
 * `tap-quickbooks count`: how many rows QuickBooks has in each window, from start_date to the
 * upper bound, a JSON line for each that has any; or, with `isByRow`, which rows. Loads nothing.
 * What is made for `verify` begins and ends with lines of its own, so that a part is not taken
 * for all.
 */
export async function count(run: Run, life: Life, given: Given, isByRow: boolean): Promise<number> {
  const { config, client } = run
  const { out, log } = life
  // Counting begins at start_date, whatever a state says.
  const plan = await planRun({ ...run, state: {} }, life)
  const isForVerify = isByRow || given.state !== undefined
  const parts = { ...run, plan, out, log, given }
  const survey = createSurvey(log)
  const streams = plan.streams.map(({ stream }) => stream)
  if (isForVerify) {
    const { seconds } = createGrid(config.startDate, config.chunkDays, { start: 0, end: 0 })
    const names = streams.map(({ name }) => name)
    await out.write(lineOfBegin(isByRow ? 'rows' : 'windows', names, config, seconds, given))
  }
  const ask = (stream: Stream) => (isByRow ? listRows(stream, parts) : countStream(stream))
  await settleAll(streams.map((stream) => survey.ask(stream.name, () => ask(stream))))
  log.info(plural(client.meter.total, 'metered call'))
  return survey.conclude()

  async function countStream(stream: Stream): Promise<void> {
    const { name } = stream
    const range = { start: config.startDate, end: endOf(stream, parts) }
    const ask = (part: Range) => plan.inSlot(() => askCount(client, stream, part))
    const total = range.start < range.end ? await ask(range) : 0
    const grid = createGrid(config.startDate, config.chunkDays, range)
    const windows = await countByWindow(grid, total, ask)
    for (const { window, rows } of windows) await out.write(lineOfWindow(name, window, rows))
    const moved = total > 0 ? total - (await ask(range)) : 0
    if (moved !== 0)
      log.warning(
        `${name}: the books were edited meanwhile (${plural(Math.abs(moved), 'row')} moved), ` +
          'so that some windows may be wrong by as many: count again',
      )
    const rows = windows.reduce((sum, window) => sum + window.rows, 0)
    const counted = { end: range.end, rows, asOf: plan.bound.asOf, moved: Math.abs(moved) }
    if (isForVerify) await out.write(lineOfEnd(name, counted))
    log.info(`${name}: ${plural(total, 'row')} up to ${formatInstant(range.end)}`)
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
