import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { type Simulator, startSimulator } from '../simulator/index.ts'
import { type Consumer, createConsumer, type State } from './consumer.ts'
import type { Change, Kind, Run, Size } from './history.ts'
import { ENTITIES, TAP } from './pipeline.ts'

/** A company and its copy: a tap reads the one, a Singer consumer keeps the other. */
export type Copying = {
  simulator: Simulator
  /** What the next run is given; undefined before the first STATE. */
  state(): State | undefined
  change(change: Change): void
  run(run: Run): Promise<void>
  /** A run that nothing disturbs; afterwards the copy is to equal the company. */
  finish(): Promise<void>
  expectEqual(): void
  close(): Promise<void>
}

const NO_WAITING = fileURLToPath(new URL('no-waiting.mjs', import.meta.url))
const WHOLE_RUN: Run = {
  run: { page_size: 5, concurrency: 4, chunk_days: 30 },
  during: [],
  faults: [],
  kill: undefined,
  lost: { states: 0, kept: 1 },
}
/** done, source failed, some streams failed, call limit reached */
const ENDINGS = [0, 4, 7, 8]

type Rows = Map<string, { text: string; at: number }>
type Ended = { code: number | null; lines: string[]; stderr: string }

export async function openCopying(size: Size, kind: Kind): Promise<Copying> {
  const simulator = await startSimulator({ ...size, limits: false, rotation: 'never' })
  simulator.clock.freeze()
  const folder = mkdtempSync(join(tmpdir(), 'model-'))
  const fixed = {
    ...simulator.config,
    token_file: join(folder, 'token.json'),
    backoff_seconds: 0.01,
    settle_seconds: 0,
    lookback_seconds: kind.lateSeconds,
    on_delete_gap: kind.onDeleteGap,
  }
  const late = new Set<string>()
  let consumer = createConsumer()
  let state: State | undefined

  function change({ change, entity, pick, count }: Change): void {
    const { company } = simulator
    const all = company.ids(entity)
    const id = all[pick % all.length] as string
    const other = all[(pick + 1) % all.length] as string
    if (change === 'insert') for (let n = 0; n < count; n++) company.insert(entity)
    else if (change === 'late') {
      const time = new Date(simulator.clock.now() - count * 1000).toISOString()
      late.add(`${entity} ${company.insert(entity, { createTime: time, lastUpdatedTime: time })}`)
    } else if (change === 'merge') {
      if (all.length > 1) company.merge(entity, id, other)
    } else if (change === 'delete') {
      // A stream without a row has no record that could activate a version.
      if (all.length > 1) company.delete(entity, id)
    } else company[change](entity, id)
  }

  function rowsOf(entity: string): Rows {
    return new Map(
      simulator.rows(entity).map((text) => {
        const row = JSON.parse(text) as { Id: string; MetaData: { LastUpdatedTime: string } }
        return [row.Id, { text, at: Date.parse(row.MetaData.LastUpdatedTime) }]
      }),
    )
  }

  const everything = () =>
    new Map(Object.entries(ENTITIES).map(([stream, entity]) => [stream, rowsOf(entity)]))

  async function start({ run, during, faults, kill }: Run): Promise<Ended> {
    const settings = { ...fixed, ...run }
    const write = (name: string, content: unknown): string => {
      writeFileSync(join(folder, name), JSON.stringify(content))
      return join(folder, name)
    }
    const args = ['-c', write('tap.json', settings)]
    if (state !== undefined) args.push('-s', write('state.json', state))
    simulator.reset()
    simulator.script.clear()
    simulator.script.add(...faults)
    const child = spawn(process.execPath, ['--import', NO_WAITING, TAP, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let answers = 0
    simulator.script.onAnswer(() => {
      answers++
      if (kill !== undefined && 'answers' in kill && kill.answers === answers) child.kill('SIGKILL')
      for (const step of during.flatMap(({ answer, steps }) => (answer === answers ? steps : [])))
        if ('change' in step) change(step)
        else if ('advance' in step) simulator.clock.advance(step.advance)
        // A token that ends as soon as it was refreshed is another thing: the tap gives up.
        else if (simulator.stats().statuses['401'] === undefined)
          simulator.tokens.expireAccessTokens()
    })
    return gather(child, kill !== undefined && 'lines' in kill ? kill.lines : undefined)
  }

  /** Whatever was not touched during the run and lies in what a STATE says is done was emitted. */
  function checkState(found: State, seen: Consumer, before: State | undefined, rows: Untouched) {
    for (const [stream, bookmark] of Object.entries(found.bookmarks)) {
      const mark = Date.parse(bookmark.replication_key_value)
      const ranges = (bookmark.completed_ranges ?? []).map((range) => range.map(Date.parse))
      const isDone = (at: number) =>
        at < mark || ranges.some(([from = 0, to = 0]) => at >= from && at < to)
      for (const [id, { text, at }] of rows.of(stream)) {
        if (!isDone(at)) continue
        const kept = seen.rows(stream).get(id)
        expect({ [id]: kept?.text, gone: kept?.deletedAt }, `${stream}, vouched for`).toEqual({
          [id]: text,
          gone: undefined,
        })
      }
      const earlier = before?.bookmarks[stream]
      if (earlier !== undefined && earlier.version === bookmark.version)
        expect(mark, `the bookmark of ${stream}`).toBeGreaterThanOrEqual(
          Date.parse(earlier.replication_key_value),
        )
      if (bookmark.deletions_known_to === undefined || bookmark.reloading) continue
      const known = Date.parse(bookmark.deletions_known_to)
      for (const [id, at] of rows.deleted(stream))
        if (at < known && seen.rows(stream).has(id))
          expect(seen.rows(stream).get(id)?.deletedAt, `${stream} ${id} is deleted`).toBeDefined()
    }
  }

  type Untouched = ReturnType<typeof untouched>
  function untouched(before: Map<string, Rows>) {
    const after = everything()
    return {
      of: (stream: string) =>
        [...(before.get(stream) ?? [])].filter(
          ([id, { text }]) =>
            after.get(stream)?.get(id)?.text === text && !late.has(`${ENTITIES[stream]} ${id}`),
        ),
      deleted: (stream: string) =>
        simulator.rows(ENTITIES[stream] as string, true).map((text): [string, number] => {
          const row = JSON.parse(text) as { Id: string; MetaData: { LastUpdatedTime: string } }
          return [row.Id, Date.parse(row.MetaData.LastUpdatedTime)]
        }),
    }
  }

  /** Checks every line; the consumer keeps some of them, and the state is one that they had. */
  function takeLines(
    lines: readonly string[],
    { states: back, kept }: Run['lost'],
    rows: Untouched,
  ) {
    const end = Math.round(kept * lines.length)
    const places = lines.flatMap((line, index) =>
      index < end && line.startsWith('{"type":"STATE"') ? [index] : [],
    )
    const resumeAt = places[Math.max(0, places.length - 1 - back)] ?? -1
    const seen = consumer.copy()
    let given = state
    let before = state
    let keeps = end === 0 ? seen.copy() : undefined
    for (const [index, line] of lines.entries()) {
      const found = seen.take(line)
      if (found !== undefined) {
        checkState(found, seen, before, rows)
        before = found
        if (index === resumeAt) given = found
      }
      if (index === end - 1) keeps = seen.copy()
    }
    consumer = keeps ?? seen
    state = given
  }

  async function run(run: Run): Promise<void> {
    const before = everything()
    const { code, lines, stderr } = await start(run)
    simulator.script.clear()
    if (code === null) expect(run.kill, stderr).toBeDefined()
    else {
      const isStormy = run.faults.some(
        ({ times = 1, poisonedId }) => times > 4 || poisonedId !== undefined,
      )
      const endings = isStormy ? ENDINGS : run.run.call_limit === undefined ? [0] : [0, 8]
      expect(endings, `exit ${code}\n${stderr}`).toContain(code)
      expect(stderr).not.toMatch(isStormy ? /stack/ : /error|exception/i)
    }
    const { call_limit = Number.POSITIVE_INFINITY } = run.run
    expect(simulator.stats().metered.total).toBeLessThanOrEqual(Number(call_limit))
    takeLines(lines, run.lost, untouched(before))
    // Times have a resolution of one second, and so have bookmarks.
    simulator.clock.advance(1)
  }

  return {
    simulator,
    state: () => state,
    change,
    run,
    finish: () => run(WHOLE_RUN),
    expectEqual() {
      for (const [stream, rows] of everything()) {
        const live = [...consumer.rows(stream)].filter(([, row]) => row.deletedAt === undefined)
        const copy = Object.fromEntries(live.map(([id, row]) => [id, row.text]))
        const original = Object.fromEntries([...rows].map(([id, row]) => [id, row.text]))
        expect(copy, stream).toEqual(original)
      }
    },
    async close() {
      await simulator.close()
      rmSync(folder, { recursive: true })
    },
  }
}

/** Waits for the end; kills when stdout has so many lines. A line that the kill has cut is none. */
function gather(child: ChildProcess, mostLines: number | undefined): Promise<Ended> {
  let stdout = ''
  let stderr = ''
  let count = 0
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    count += text.split('\n').length - 1
    if (mostLines !== undefined && count >= mostLines) child.kill('SIGKILL')
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve({ code, lines: stdout.split('\n').slice(0, -1), stderr }))
  })
}
