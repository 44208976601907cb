import { join } from 'node:path'
import { beforeEach, expect, test, vi } from 'vitest'
import { createPipeline, RUNNER, TAP, TARGET } from '../e2e/pipeline.ts'
import { type OnTerminal, startOnTerminal, wantTerminal } from './start.ts'

// A busy machine takes its time.
vi.setConfig({ testTimeout: 300_000 })

beforeEach(wantTerminal)

const WIDE = { columns: 200, rows: 30 }
const company = { invoices: 60, customers: 12, items: 8 }

/** Stands still once so many answers about invoices have come. */
const standStill = { entity: 'Invoice', after: 3, hang: true, times: 0 }

async function openCompany(standsStill = true) {
  const settings = {
    tap: { page_size: 10, chunk_days: 365, start_date: '2016-01-01' },
    target: { batch_wait_limit_seconds: 0.1 },
  }
  const pipeline = await createPipeline(company, settings)
  if (standsStill) pipeline.simulator.script.add(standStill)
  const { folder, tapConfig, targetConfig, state } = pipeline
  return {
    ...pipeline,
    tap: `${TAP} -c ${tapConfig} > ${join(folder, 'out')}`,
    run: `${RUNNER} --tap "${TAP} -c ${tapConfig}" --target "${TARGET} -c ${targetConfig}" --state ${state}`,
  }
}

/** From the first block on, whatever comes after it. */
function blockOf({ screen }: OnTerminal): string[] {
  const lines = screen.lines()
  return lines.slice(lines.findIndex((line) => line.startsWith('stream ')))
}

const widthOf = (lines: string[]): number => Math.max(...lines.map((line) => line.length))

test('on a terminal a block tells how far each stream is, and goes when Ctrl-C ends the run', async () => {
  const { tap } = await openCompany()
  const terminal = startOnTerminal(tap, WIDE)
  await terminal.saw(/^items +done +\d+\/\d+ .*\n.*\n\d+ s$/m)
  await terminal.saw(/^customers +done/m)
  await terminal.saw(/^invoices +\d+% +\d+\/1\d +\d+ of 60 (.*\n)+\d+ s$/m)
  await expect.poll(() => blockOf(terminal), { timeout: 10_000 }).toHaveLength(6)
  const block = blockOf(terminal)
  expect(block[0]).toMatch(/^stream +done +windows +rows +rows\/s +calls( +left)?$/)
  terminal.type('\x03')
  expect(await terminal.ended).toBe(130)
  const lines = terminal.screen.lines()
  expect(lines.at(-1)).toBe('WARNING stopped by SIGINT')
  expect(lines.join('\n')).not.toMatch(/^(stream|total|invoices {2})/m)
  // What comes next stands on a line of its own, and the cursor was never hidden.
  expect(terminal.screen.cursor()).toEqual({ line: lines.length, column: 0 })
  expect(terminal.raw()).not.toContain('\x1b[?')
})

test('a narrow terminal gets what fits, also when it becomes narrow meanwhile', async () => {
  const { tap } = await openCompany()
  const terminal = startOnTerminal(tap, { columns: 40, rows: 24 })
  await terminal.saw(/^invoices +\d+% +\d+ of 60(.*\n)+\d+ s$/m)
  await expect.poll(() => widthOf(blockOf(terminal)), { timeout: 10_000 }).toBeLessThan(40)
  terminal.resize(200)
  await terminal.saw(/^stream +done +windows +rows +rows\/s +calls/m)
  terminal.resize(30)
  await terminal.saw(/^stream +done +(windows +)?rows\n(.*\n)+\d+ s$/m)
  // Nothing of the wider block is left, once all of a drawing has come.
  const drawn = () => ({ lines: blockOf(terminal).length, fits: widthOf(blockOf(terminal)) < 30 })
  await expect.poll(drawn, { timeout: 10_000 }).toEqual({ lines: 6, fits: true })
  terminal.type('\x03')
  expect(await terminal.ended).toBe(130)
})

test('NO_COLOR, CI and TERM=dumb ask for plain lines', async () => {
  const { tap } = await openCompany()
  const wishes = [{ NO_COLOR: '1' }, { CI: 'true' }, { TERM: 'dumb' }]
  await Promise.all(
    wishes.map(async (wish) => {
      const terminal = startOnTerminal(tap, WIDE, { SINGER_PROGRESS_SECONDS: '0.1', ...wish })
      // All three share what comes before the standstill: one may not know yet how far it is.
      await terminal.saw(/^INFO after \d+ s: invoices /m)
      terminal.type('\x03')
      expect(await terminal.ended).toBe(130)
      expect(terminal.raw()).not.toContain('\x1b')
    }),
  )
})

test('log lines stay above the block, and a run that fails leaves nothing else', async () => {
  const { tap, simulator } = await openCompany(false)
  simulator.script.add(
    { entity: 'Customer', status: 500, times: 0 },
    { entity: 'Invoice', after: 3, delayMs: 1500 },
  )
  // No line wraps here.
  const terminal = startOnTerminal(tap, { ...WIDE, columns: 400 })
  await terminal.saw(/^ERROR customers: .*\n\nstream .*^customers +stopped/ms)
  expect(await terminal.ended).toBe(7)
  const lines = terminal.screen.lines()
  for (const line of lines) expect(line).toMatch(/^(INFO|WARNING|ERROR) /)
  expect(lines.filter((line) => line.includes('customers: query: '))).toHaveLength(4)
  expect(lines.at(-1)).toMatch(/^WARNING finished, but not all of it: customers failed/)
})

test('singer-run shows one block for the pipe, with what is committed', async () => {
  const { run } = await openCompany()
  const terminal = startOnTerminal(run, WIDE)
  await terminal.saw(/^stream +done +windows +rows +rows\/s +committed +calls( +left)?$/m)
  await terminal.saw(/^items +done +\d+\/\d+ +8 +8 +\d+$/m)
  await terminal.saw(/^\d+ s, state saved (once|\d+ times), last \d+ s ago$/m)
  expect(terminal.raw()).not.toMatch(/PROGRESS|METRIC/)
  terminal.type('\x03')
  expect(await terminal.ended).toBe(130)
  const lines = terminal.screen.lines()
  expect(lines.at(-1)).toBe('WARNING stopped by SIGINT')
  expect(lines.filter((line) => line.startsWith('stream'))).toHaveLength(1)
})

test('of programs of others singer-run shows what their metrics tell', async () => {
  const pipeline = await createPipeline({ invoices: 0, customers: 0, items: 0 })
  const metric =
    'METRIC: {"type":"counter","metric":"record_count","value":7,"tags":{"stream":"rows"}}'
  const tap = pipeline.write(
    'tap.sh',
    `#!/bin/sh\necho '{"bookmarks":{"a":1}}'\necho 'INFO ${metric}' >&2\nread -r never < ${pipeline.folder}/never\n`,
  )
  const { execa } = await import('execa')
  await execa('mkfifo', [join(pipeline.folder, 'never')])
  const terminal = startOnTerminal(
    `${RUNNER} --tap "sh ${tap}" --target cat --state ${pipeline.state}`,
    WIDE,
  )
  await terminal.saw(/^stream +rows\nrows +7\ntotal +7\n\d+ s, state saved once, last \d+ s ago$/m)
  terminal.type('\x03')
  expect(await terminal.ended).toBe(130)
})
