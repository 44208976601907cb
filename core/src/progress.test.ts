import { afterEach, expect, test, vi } from 'vitest'
import { createLog } from './log.ts'
import {
  formatProgress,
  formatProgressBlock,
  formatProgressLine,
  type Progress,
  readProgress,
  type StreamProgress,
} from './progress.ts'
import { createScreen } from './screen.ts'
import { watchProgress } from './watch.ts'

const invoices: StreamProgress = {
  stream: 'invoices',
  status: 'reading',
  windows: 32,
  windows_total: 122,
  rows: 5200,
  rows_expected: 20000,
  rows_committed: 5000,
  rows_per_second: 812.4,
  calls: 9,
  share: 0.26,
  seconds_left: 18.2,
}
const items: StreamProgress = {
  stream: 'items',
  status: 'done',
  windows: 122,
  windows_total: 122,
  rows: 1000,
  calls: 4,
}
const progress: Progress = { streams: [invoices, items], seconds: 12.4, calls: 14 }

test('with room a line for each stream says all that is known', () => {
  expect(formatProgressBlock(progress, { columns: 199, rows: 20 }, ', and a note')).toEqual([
    'stream    done  windows             rows  rows/s  committed  calls   left',
    'invoices   26%   32/122  5,200 of 20,000     812      5,000      9  ~18 s',
    'items     done  122/122            1,000                         4',
    'total           154/244            6,200     812      5,000     14  ~18 s',
    '12 s, and a note',
  ])
})

test('a narrow terminal gets fewer columns, none of them cut', () => {
  expect(formatProgressBlock(progress, { columns: 39, rows: 20 })).toEqual([
    'stream    done             rows   left',
    'invoices   26%  5,200 of 20,000  ~18 s',
    'items     done            1,000',
    'total                     6,200  ~18 s',
    '12 s',
  ])
  expect(formatProgressBlock(progress, { columns: 1, rows: 20 })[0]).toBe('stream')
})

test('of more streams than lines those are shown that are being read', () => {
  const many = Array.from({ length: 30 }, (_, n) => ({ ...items, stream: `done${n}` }))
  const streams = [...many, invoices]
  const lines = formatProgressBlock({ streams, seconds: 1 }, { columns: 100, rows: 8 })
  expect(lines).toHaveLength(8)
  expect(lines.map((line) => line.slice(0, 13).trim())).toEqual([
    'stream    don',
    'done0     don',
    'done1     don',
    'done2     don',
    'invoices   26',
    '… and 27 more',
    'total',
    '1 s',
  ])
})

test('nothing is 100% before its end, and no more rows came than are expected', () => {
  const strange = { ...invoices, share: 1, rows: 20003 }
  const [, line] = formatProgressBlock({ streams: [strange], seconds: 1 }, { columns: 99, rows: 9 })
  expect(line).toMatch(/^invoices {3}99% .* 20,003 of 20,003 /)
})

test('one line says it in a log', () => {
  expect(formatProgressLine(progress)).toBe(
    'after 12 s: invoices 26%, 32 of 122 windows, 5,200 of 20,000 rows; 1 done; ' +
      '6,200 rows, 812 a second, 14 calls, about 18 s left',
  )
})

test('what another program prints is read, and nothing else', () => {
  const line = formatProgress(progress)
  expect(readProgress(`INFO ${line}`)).toEqual(JSON.parse(JSON.stringify(progress)))
  expect(readProgress(JSON.stringify({ level: 'info', message: line }))?.seconds).toBe(12.4)
  for (const other of [
    'INFO loading',
    'INFO PROGRESS: 12%',
    'INFO PROGRESS: null',
    'INFO PROGRESS: {"streams":[null],"seconds":1}',
    'INFO PROGRESS: {"streams":[{"stream":"a","rows":{}}],"seconds":1}',
    '{"message":7,"x":"PROGRESS: "}',
    '{"PROGRESS: ',
  ])
    expect(readProgress(other), other).toBeUndefined()
})

afterEach(() => {
  vi.useRealTimers()
})

function watchLog(environment: Record<string, string>, log_level = 'info') {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  const lines: string[] = []
  const log = createLog('tap-x', { write: (line: string) => lines.push(line) }, environment)
  log.configure({ level: log_level as 'info' })
  const screen = createScreen(process.stdin as never, environment)
  return { lines, ...watchProgress({ log, screen, environment }, () => progress) }
}

test('in a pipe or a file a line comes every ten seconds, whatever happens, until the end', () => {
  const { lines, stop } = watchLog({ CI: 'true' })
  vi.advanceTimersByTime(9999)
  expect(lines).toEqual([])
  vi.advanceTimersByTime(20_001)
  expect(lines).toEqual(Array(3).fill(`INFO ${formatProgressLine(progress)}\n`))
  stop()
  vi.advanceTimersByTime(60_000)
  expect(lines).toHaveLength(3)
})

test.each([
  [{ SINGER_PROGRESS_SECONDS: '60' }, 'info', 1],
  [{ SINGER_PROGRESS_SECONDS: '0' }, 'info', 0],
  [{ SINGER_PROGRESS_SECONDS: 'never' }, 'info', 0],
  [{ SINGER_PROGRESS_SECONDS: '' }, 'info', 6],
  [{}, 'warning', 0],
])('in a minute with %j at log_level %s: %i lines', (environment, level, count) => {
  const { lines, stop } = watchLog({ CI: '1', ...environment } as never, level)
  vi.advanceTimersByTime(60_000)
  stop()
  expect(lines).toHaveLength(count)
})

test('where logs are JSON, so is this line', () => {
  const { lines, stop } = watchLog({ CI: '1', LOGGING_CONF_FILE: 'x' })
  vi.advanceTimersByTime(10_000)
  stop()
  expect(JSON.parse(lines.join(''))).toMatchObject({
    level: 'info',
    message: formatProgressLine(progress),
    stream_name: null,
  })
})
