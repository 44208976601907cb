import { expect, test } from 'vitest'
import {
  IS_LONG,
  peakMegabytes,
  processorTime,
  startReading,
  type TapProcess,
} from './tap-process.ts'

const MILLION = { invoices: 1_000_000, customers: 1000, items: 100 }
const MOST_MEGABYTES = 200

/** A reader that takes so many bytes and then no more, until it is told to go on. */
function readInSteps({ stdout }: TapProcess): { upTo(bytes: number): void; taken(): number } {
  let taken = 0
  let most = 0
  stdout.on('data', (part: Buffer) => {
    taken += part.length
    if (taken >= most) stdout.pause()
  })
  stdout.pause()
  return {
    taken: () => taken,
    upTo(bytes) {
      most = bytes
      stdout.resume()
    },
  }
}

if (process.platform !== 'linux') console.log('skipped: memory is read from /proc')
test.skipIf(process.platform !== 'linux')(
  'a reader that stands still stops the tap: no further request, and memory stays flat with ten pages on their way',
  async () => {
    const { simulator, tap } = await startReading(MILLION, { concurrency: 10 })
    const reader = readInSteps(tap)
    /** Between two looks it has asked, written and computed nothing. */
    const rests = async () => {
      let before = ''
      const looks = () => {
        const { dataRequests } = simulator.stats()
        const now = [dataRequests, reader.taken(), Math.round(processorTime(tap) / 4)].join()
        const isSame = now === before
        before = now
        return isSame
      }
      await expect.poll(looks, { interval: 400, timeout: 60_000 }).toBe(true)
      return simulator.stats().dataRequests
    }

    // One page is enough for the stream to be split, and for all parts to be asked for.
    for (const megabytes of [5, 25, 45]) {
      reader.upTo(megabytes * 1e6)
      await expect.poll(reader.taken, { timeout: 60_000 }).toBeGreaterThanOrEqual(megabytes * 1e6)
      // What has been read, ten pages that wait, and a few calls that brought no page.
      expect(await rests()).toBeLessThan(megabytes / 1.7 + 10 + 20)
      expect(peakMegabytes(tap)).toBeLessThan(MOST_MEGABYTES)
    }
    expect(simulator.stats().mostUnderWay).toBeGreaterThan(5)
  },
  200_000,
)

if (!IS_LONG)
  console.log('skipped: a million invoices to their end take minutes; npm run test:long has them')
test.skipIf(!IS_LONG || process.platform !== 'linux')(
  'a million invoices are read to the end in flat memory, for a call a page and a few',
  async () => {
    const { simulator, tap, ended } = await startReading(MILLION, { concurrency: 10 })
    const seen = new Uint8Array(2_000_000)
    let count = 0
    let peak = 0
    let rest = ''
    tap.stdout.setEncoding('latin1').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (!line.startsWith('{"type":"RECORD","stream":"invoices"')) continue
        const id = Number(/"Id":"(\d+)"/.exec(line)?.[1])
        count += seen[id] === 0 ? 1 : 0
        seen[id] = 1
      }
      peak = Math.max(peak, tap.exitCode === null ? peakMegabytes(tap) : 0)
    })
    const started = performance.now()
    const { code, stderr } = await ended
    expect(code, stderr).toBe(0)
    expect(count).toBe(1_000_000)
    const { byEntity } = simulator.stats().metered
    console.log(
      `${byEntity.Invoice} calls, peak ${Math.round(peak)} MB, ` +
        `${Math.round((performance.now() - started) / 1000)} s`,
    )
    expect(byEntity.Invoice).toBeLessThanOrEqual(1000 * 1.1 + 12)
    expect(peak).toBeLessThan(MOST_MEGABYTES)
  },
  1_200_000,
)
