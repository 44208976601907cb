import type { Progress, StreamProgress } from '@singer-io-ts/core'
import type { Bookmark } from './bookmarks.ts'
import { callsOf } from './client.ts'
import { maySplit } from './cost.ts'
import type { Plan, Run } from './plan.ts'
import { ordinaryRanges, remainingRanges } from './progress.ts'
import { countWindows, createGrid, type Range } from './windows.ts'

/** How fast a run goes, and how far it is. */
export type Pace = {
  /** The stream is read from now on. */
  begin(stream: string): void
  /** So many rows are in one more of the stream's ranges; undefined where nobody can tell. */
  expect(stream: string, rows: number | undefined): void
  end(stream: string): void
  read(): Progress
}

type Course = {
  /** From when on the pace tells the time left, and which part of what was to be read had come. */
  paced: { at: number; part: number }
  /** When it began, what was done. */
  rows: number
  share: number
  secondsToRead: number
  /** Rows are counted for all that is to be read; else the time that they cover tells. */
  isCounted: boolean
  /** Of so many ranges nobody has said yet how many rows are in them. */
  uncounted: number
  /** Rows since it began, as far as they are counted. */
  counted: number
  hasEnded: boolean
  /** What was said last, below which nothing falls. */
  said: number
  samples: { at: number; rows: number }[]
}

/** Rows a second are those of so many seconds. */
const SAMPLED_SECONDS = 10

/** Less says nothing about the rest. */
const LEAST_SHARE = 0.005

export function createPace(plan: Plan, { config, client }: Run, now: () => number = seconds): Pace {
  const { tracker, bound } = plan
  const begunAt = now()
  const courses = new Map<string, Course>()

  /** All that there is, from where the first run began. */
  function wholeOf({ since, progress }: Bookmark): Range {
    return { start: Math.min(since ?? config.startDate, progress.lowWater), end: bound.upper }
  }

  function doneOf({ progress }: Bookmark, { start }: Range): Range[] {
    return [{ start, end: progress.lowWater }, ...progress.ranges]
  }

  /** All rows since it began, once they are known. */
  function expectedOf({ isCounted, uncounted, counted }: Course): number | undefined {
    return isCounted && uncounted <= 0 ? counted : undefined
  }

  function shareOf(course: Course, bookmark: Bookmark): { share?: number; left?: number } {
    const expected = expectedOf(course)
    if (course.isCounted && expected === undefined) return bookmark.rows === 0 ? { share: 0 } : {}
    const unread = lengthOf(remainingRanges(bookmark.progress, bound.upper))
    const read =
      expected === undefined
        ? 1 - unread / Math.max(1, course.secondsToRead)
        : (bookmark.rows - course.rows) / Math.max(1, expected)
    const part = Math.min(1, Math.max(0, read))
    course.said = Math.max(course.said, course.share + (1 - course.share) * part)
    if (part < LEAST_SHARE) return { share: course.said }
    const { paced } = course
    if (part <= paced.part) return { share: course.said }
    const left = ((now() - paced.at) * (1 - part)) / (part - paced.part)
    return { share: course.said, left }
  }

  function paceOf({ samples }: Course, rows: number): number {
    const at = now()
    samples.push({ at, rows })
    while ((samples[1]?.at ?? at) <= at - SAMPLED_SECONDS) samples.shift()
    const [first = { at, rows }] = samples
    return at > first.at ? (rows - first.rows) / (at - first.at) : 0
  }

  function readStream(name: string, before: Bookmark): StreamProgress {
    const bookmark = tracker.bookmark(name)
    const course = courses.get(name)
    const whole = wholeOf(bookmark)
    const grid = createGrid(config.startDate, config.chunkDays, whole)
    const common = {
      stream: name,
      windows: countWindows(grid, doneOf(bookmark, whole)),
      windows_total: countWindows(grid, [whole]),
      rows: bookmark.rows - before.rows,
      calls: callsOf(client.meter, name),
    }
    if (course === undefined) return { ...common, status: 'waiting' }
    if (course.hasEnded) {
      const isDone = bookmark.progress.lowWater >= bound.upper
      return { ...common, status: isDone ? 'done' : 'stopped' }
    }
    const { share, left } = shareOf(course, bookmark)
    const expected = expectedOf(course)
    return {
      ...common,
      status: 'reading',
      rows_expected:
        expected === undefined
          ? undefined
          : Math.max(course.rows - before.rows + expected, common.rows),
      rows_per_second: paceOf(course, bookmark.rows),
      share,
      seconds_left: left,
    }
  }

  return {
    begin(stream) {
      const bookmark = tracker.bookmark(stream)
      const { progress, unreadable, rows } = bookmark
      const whole = wholeOf(bookmark)
      const ranges = ordinaryRanges(progress, unreadable, bound.upper)
      const share = lengthOf(doneOf(bookmark, whole)) / Math.max(1, whole.end - whole.start)
      courses.set(stream, {
        paced: { at: now(), part: 0 },
        rows,
        share,
        secondsToRead: lengthOf(remainingRanges(progress, bound.upper)),
        isCounted: maySplit(config) && unreadable.length === 0,
        uncounted: ranges.length,
        counted: 0,
        hasEnded: false,
        said: 0,
        samples: [{ at: now(), rows }],
      })
    },
    expect(stream, rows) {
      const course = courses.get(stream)
      if (course?.isCounted !== true) return
      course.isCounted = rows !== undefined
      course.uncounted--
      course.counted += rows ?? 0
      const expected = expectedOf(course)
      if (expected === undefined) return
      const { rows: read, isReloading } = tracker.bookmark(stream)
      // Years are not alike: of what earlier runs have read, the rows tell more than the time.
      if (!isReloading) course.share = course.rows / Math.max(1, course.rows + expected)
      // The first pages and the counts came one after the other: what comes now is the pace.
      course.paced = { at: now(), part: (read - course.rows) / Math.max(1, expected) }
    },
    end(stream) {
      const course = courses.get(stream)
      if (course !== undefined) course.hasEnded = true
    },
    read: () => ({
      seconds: now() - begunAt,
      streams: plan.streams.map(({ stream, before }) => readStream(stream.name, before)),
      calls: client.meter.total,
    }),
  }
}

function lengthOf(ranges: readonly Range[]): number {
  return ranges.reduce((sum, { start, end }) => sum + Math.max(0, end - start), 0)
}

function seconds(): number {
  return performance.now() / 1000
}
