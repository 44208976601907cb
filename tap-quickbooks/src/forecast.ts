import { alignColumns, formatCount, formatDuration, type Life } from '@singer-io-ts/core'
import { askCount } from './asking.ts'
import { expectCalls } from './cost.ts'
import { formatInstant } from './instant.ts'
import { settleAll } from './limiter.ts'
import { type Planned, planRun, type Run } from './plan.ts'
import { remainingRanges } from './progress.ts'
import { plural } from './report.ts'
import { createSurvey } from './survey.ts'
import { countWindows, createGrid } from './windows.ts'

/** What an answer of a thousand rows takes to come. An assumption, and said. */
const SECONDS_PER_CALL = 1
/** The limiter starts ten requests in a second and a tenth. */
const CALLS_PER_SECOND = 10 / 1.1

/**
 * `tap-quickbooks plan`: what a run with these settings and this state would do, and what it
 * would cost. Counts the rows, a call or a few for each stream; loads nothing.
 */
export async function forecast(run: Run, life: Life): Promise<number> {
  const { config, client } = run
  const { out, log } = life
  const plan = await planRun(run, life)
  const survey = createSurvey(log)
  const streams = await settleAll(plan.streams.map(forecastStream))
  const isWhole = streams.every(({ known }) => known !== undefined)
  const resumed = plan.streams.filter(({ isResumed, stream }) => isResumed && stream.hasChanges)
  const deletions = config.deletes && resumed.length > 0 ? 1 : 0
  const rows = sum(streams.map(({ known }) => known?.rows ?? 0))
  const calls = sum(streams.map(({ known }) => known?.calls ?? 0)) + deletions

  await out.write(
    `company ${config.realmId}, up to ${formatInstant(plan.bound.upper)}, ` +
      `windows of ${config.chunkDays} days, pages of ${config.pageSize} rows\n`,
  )
  for (const line of alignColumns([
    ['stream', 'from', 'windows', 'rows', 'calls'],
    ...streams.map(({ name, from, windows, known }) => [
      name,
      from,
      formatCount(windows),
      formatCount(known?.rows),
      formatCount(known?.calls),
    ]),
    ...(deletions > 0 ? [['deletions', '', '', '', formatCount(deletions)]] : []),
    [isWhole ? 'total' : 'so far', '', '', formatCount(rows), formatCount(calls)],
  ]))
    await out.write(line)
  if (isWhole) for (const line of describeCost(calls)) await out.write(line)
  log.info(`${plural(client.meter.total, 'metered call')} for this plan`)
  return survey.conclude()

  function describeCost(calls: number): string[] {
    const { callLimit, concurrency, requestsPerMinute } = config
    const seconds = Math.max(
      calls / CALLS_PER_SECOND,
      ((calls - requestsPerMinute) / requestsPerMinute) * 60,
      (calls * SECONDS_PER_CALL) / concurrency,
    )
    const time =
      `\nabout ${formatDuration(seconds)}, at ${SECONDS_PER_CALL} s an answer, ` +
      `${concurrency} at a time, ${requestsPerMinute} a minute`
    if (calls <= callLimit) return [time]
    const runs = Math.ceil(calls / callLimit)
    return [time, `call_limit ${formatCount(callLimit)}: takes ${runs} runs or more`]
  }

  async function forecastStream({ stream, before, isResumed }: Planned) {
    // Change data capture, one call for all streams, shows that there is nothing new.
    const isShown = config.deletes && isResumed && stream.hasChanges
    const ranges = remainingRanges(before.progress, plan.bound.upper)
    const counts = await survey.ask(stream.name, () =>
      settleAll(ranges.map((range) => plan.inSlot(() => askCount(client, stream, range)))),
    )
    const from = before.progress.lowWater
    const grid = createGrid(config.startDate, config.chunkDays, {
      start: from,
      end: plan.bound.upper,
    })
    return {
      name: stream.name,
      from: formatInstant(from),
      windows: countWindows(grid, ranges),
      known: counts && {
        rows: sum(counts),
        calls: sum(counts.map((rows) => (rows === 0 && isShown ? 0 : expectCalls(rows, config)))),
      },
    }
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
