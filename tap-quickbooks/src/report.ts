import type { Log } from '@singer-io-ts/core'
import { callsOf, type Meter } from './client.ts'
import { formatInstant } from './instant.ts'
import type { Plan, Run } from './plan.ts'
import { calmly } from './retry.ts'
import { countWindows, createGrid, type Range } from './windows.ts'

/** Says what the run did, a line and metrics for each stream, and what it cost. */
export function reportRun(
  plan: Plan,
  { client, config }: Run,
  seconds: ReadonlyMap<string, number>,
  log: Log,
): void {
  for (const { stream, before, strange } of plan.streams) {
    const { name } = stream
    const after = plan.tracker.bookmark(name)
    const range = { start: before.progress.lowWater, end: plan.bound.upper }
    const grid = createGrid(config.startDate, config.chunkDays, range)
    const count = (lowWater: number, ranges: readonly Range[]): number =>
      countWindows(grid, [{ start: range.start, end: lowWater }, ...ranges])
    const windows =
      count(after.progress.lowWater, after.progress.ranges) -
      count(range.start, before.progress.ranges)
    const rows = after.rows - before.rows
    const duration = seconds.get(name) ?? 0
    log.info(
      `${name}: ${plural(rows, 'row')}, ${plural(windows, 'window')}, ` +
        `${plural(callsOf(client.meter, name), 'call')}, ${duration.toFixed(1)} s, ` +
        `read up to ${formatInstant(after.progress.lowWater)}`,
      { stream: name },
    )
    if (strange.size > 0) {
      const members = [...strange].map(([member, count]) => `${member} (${plural(count, 'row')})`)
      log.info(
        `${name}: members that its schema does not name, passed on: ${calmly(members.join(', '))}`,
      )
    }
    const tags = { stream: name }
    log.metric({ type: 'counter', metric: 'record_count', value: rows, tags })
    log.metric({ type: 'counter', metric: 'window_count', value: windows, tags })
    log.metric({ type: 'timer', metric: 'sync_duration', value: Number(duration.toFixed(3)), tags })
  }
  reportCalls(client.meter, log)
}

/** The meters that have been read out. */
const reported = new WeakSet<Meter>()

/** Says what was paid for, once: at the end of a run, or where it broke off. */
export function reportCalls(meter: Meter, log: Log): void {
  if (reported.has(meter)) return
  reported.add(meter)
  for (const { stream, endpoint, count, retries } of meter.calls.values()) {
    // A call for several streams belongs to none of them.
    const tags = stream.includes(',') ? { endpoint } : { stream, endpoint }
    log.metric({ type: 'counter', metric: 'http_request_count', value: count, tags })
    log.metric({ type: 'counter', metric: 'http_retry_count', value: retries, tags })
  }
  if (meter.pausedSeconds > 0) {
    const value = Number(meter.pausedSeconds.toFixed(3))
    log.metric({ type: 'timer', metric: 'http_pause_duration', value, tags: {} })
  }
  log.info(`${plural(meter.total, 'metered call')}, ${plural(meter.retries, 'repeated request')}`)
}

/** `1 row`, `2 rows`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
