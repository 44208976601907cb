import { alignColumns, EXIT, formatCount, formatDuration, type Life } from '@singer-io-ts/core'
import { expectCalls } from './cost.ts'
import { askCount } from './count.ts'
import { formatInstant } from './instant.ts'
import { settleAll } from './limiter.ts'
import { type Planned, planRun, type Run } from './plan.ts'
import { remainingRanges } from './progress.ts'
import { plural } from './report.ts'
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
  const streams = await settleAll(plan.streams.map(forecastStream))
  const resumed = plan.streams.filter(({ isResumed, stream }) => isResumed && stream.hasChanges)
  const deletions = config.deletes && resumed.length > 0 ? 1 : 0
  const rows = sum(streams.map((one) => one.rows))
  const calls = sum(streams.map((one) => one.calls)) + deletions

  await out.write(
    `company ${config.realmId}, up to ${formatInstant(plan.bound.upper)}, ` +
      `windows of ${config.chunkDays} days, pages of ${config.pageSize} rows\n`,
  )
  for (const line of alignColumns([
    ['stream', 'from', 'windows', 'rows', 'calls'],
    ...streams.map(({ name, from, windows, rows, calls }) => [
      name,
      from,
      formatCount(windows),
      formatCount(rows),
      formatCount(calls),
    ]),
    ...(deletions > 0 ? [['deletions', '', '', '', formatCount(deletions)]] : []),
    ['total', '', '', formatCount(rows), formatCount(calls)],
  ]))
    await out.write(line)
  const seconds = Math.max(
    calls / CALLS_PER_SECOND,
    ((calls - config.requestsPerMinute) / config.requestsPerMinute) * 60,
    (calls * SECONDS_PER_CALL) / config.concurrency,
  )
  await out.write(
    `\nabout ${formatDuration(seconds)}, at ${SECONDS_PER_CALL} s an answer, ` +
      `${config.concurrency} at a time, ${config.requestsPerMinute} a minute`,
  )
  if (calls > config.callLimit)
    await out.write(
      `call_limit ${formatCount(config.callLimit)}: takes ${Math.ceil(calls / config.callLimit)} runs or more`,
    )
  log.info(`${plural(client.meter.total, 'metered call')} for this plan`)
  return EXIT.done

  async function forecastStream({ stream, before }: Planned) {
    const ranges = remainingRanges(before.progress, plan.bound.upper)
    const counts = await settleAll(
      ranges.map((range) => plan.inSlot(() => askCount(client, stream, range))),
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
      rows: sum(counts),
      calls: sum(counts.map((rows) => expectCalls(rows, config))),
    }
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
