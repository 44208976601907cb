import { formatActivateVersion, formatSchema, type Life, watchProgress } from '@singer-io-ts/core'
import { readDeletions } from './changes.ts'
import { settleAll } from './limiter.ts'
import { createOutcome } from './outcome.ts'
import { createPace } from './pace.ts'
import { type Planned, planRun, type Run } from './plan.ts'
import { unreadableError } from './poison.ts'
import { readStream } from './read.ts'
import { reportRun } from './report.ts'
import { KEY_PROPERTIES, REPLICATION_KEY } from './streams.ts'

/**
 * Reads every selected stream from its bookmark to the upper bound: SCHEMA, what was deleted,
 * what changed, a STATE whenever the bookmark moves. A stream that fails does not stop the
 * others. Gives the exit code.
 */
export async function sync(run: Run, life: Life): Promise<number> {
  const { out, log } = life
  const plan = await planRun(run, life)
  const { tracker, streams } = plan
  const outcome = createOutcome(log)
  const pace = createPace(plan, run)

  for (const { stream, entry } of plan.selected)
    await out.write(
      formatSchema({
        stream: entry.stream,
        schema: stream.schema,
        key_properties: KEY_PROPERTIES,
        bookmark_properties: [REPLICATION_KEY],
      }),
    )

  const progress = watchProgress(life, pace.read)
  try {
    await readAll()
  } finally {
    progress.stop()
  }
  reportRun(plan, run, outcome.seconds, log)
  return outcome.conclude(plan.selected.length)

  async function readAll(): Promise<void> {
    // From now on deletions are known: no row is kept without a state that says since when.
    if (streams.some(({ isResumed }) => !isResumed)) await tracker.write()
    if (plan.deletionsFirst) await deletions()
    if (plan.isFrugal) for (const planned of streams) await changes(planned)
    else await settleAll(streams.map(changes))
    if (!plan.deletionsFirst) {
      const isReloading = ({ stream }: Planned) => tracker.bookmark(stream.name).isReloading
      const read = streams.filter((planned) => !isReloading(planned))
      await deletions()
      await settleAll(read.filter(isReloading).map(changes))
    }
  }

  async function deletions(): Promise<void> {
    const resumed = streams.filter(({ isResumed, stream }) => isResumed && stream.hasChanges)
    if (!run.config.deletes || resumed.length === 0) return
    await readDeletions(resumed, { ...plan, ...run, out, log, guard: outcome.guardSide })
  }

  async function changes(planned: Planned): Promise<void> {
    const { stream, entry } = planned
    pace.begin(stream.name)
    await outcome.guard(stream.name, async () => {
      const parts = { ...plan, ...run, pace, out, log }
      const { unreadable, isReloaded } = await readStream(planned, parts)
      if (unreadable.length > 0) outcome.leaveOut(stream.name, unreadableError(stream, unreadable))
      const { isReloading, version } = tracker.bookmark(stream.name)
      if (isReloaded && version !== undefined) {
        await out.write(formatActivateVersion(entry.stream, version))
        tracker.change(stream.name, { isReloading: false })
      } else if (isReloading && plan.bound.upper < plan.bound.asOf)
        log.warning(
          `${stream.name}: a reload is under way, which no run with end_date brings to its end; ` +
            'until then nothing is marked that it does not find',
        )
      await tracker.write()
      await out.flush()
    })
    pace.end(stream.name)
  }
}
