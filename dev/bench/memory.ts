import { childrenOf, readProc } from './proc.ts'

/** Memory of a program's processes while they ran, in MB by the name of each. */
export type Memory = {
  peaks: Record<string, number>
  /** The most in each quarter of its time: what grows with the rows has the most in the last. */
  quarters: Record<string, number[]>
}

type Look = { at: number; megabytes: number }
type Life = { name: string; peak: number; looks: Look[] }

const LOOK_MS = 20
/** From then on only each tenth time: looking takes a processor from what is measured. */
const SHORT_MS = 1000
const KILOBYTES = 1024

/** Looks at the memory of a process and of those below it, as far as it can be seen. */
export function watchMemory(pid: number | undefined): { stop(): Memory } {
  const lives = new Map<number, Life>()
  const begin = performance.now()
  let times = 0
  const looking = setInterval(() => {
    if (performance.now() - begin < SHORT_MS || ++times % 10 === 0) lookAt(pid, lives)
  }, LOOK_MS)
  return {
    stop() {
      clearInterval(looking)
      const peaks: Record<string, number> = {}
      const quarters: Record<string, number[]> = {}
      for (const { name, peak, looks } of lives.values()) {
        if (peak <= (peaks[name] ?? 0)) continue
        peaks[name] = peak
        quarters[name] = mostByQuarter(looks)
      }
      return { peaks, quarters }
    },
  }
}

function lookAt(pid: number | undefined, lives: Map<number, Life>): void {
  if (pid === undefined) return
  const status = readProc(pid, 'status')
  const peak = Number(/VmHWM:\s*(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / KILOBYTES
  const megabytes = Number(/VmRSS:\s*(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / KILOBYTES
  if (!Number.isNaN(peak)) {
    const name = nameOf(pid)
    const looks = lives.get(pid)?.looks ?? []
    looks.push({ at: performance.now(), megabytes })
    lives.set(pid, { name, peak, looks })
  }
  for (const child of childrenOf(pid)) lookAt(child, lives)
}

function nameOf(pid: number): string {
  const words = readProc(pid, 'cmdline').split('\0')
  const name = words.find((word) => !/^-|(^|\/)(node|sh|bash)$/.test(word)) ?? words[0] ?? ''
  return name.replace(/^.*\//, '')
}

export function mostByQuarter(looks: readonly Look[]): number[] {
  const begin = looks[0]?.at ?? 0
  const length = (looks.at(-1)?.at ?? 0) - begin
  const most = [Number.NaN, Number.NaN, Number.NaN, Number.NaN]
  for (const { at, megabytes } of looks) {
    const quarter = Math.min(3, Math.floor((4 * (at - begin)) / Math.max(1, length)))
    // Not a number where nothing was seen before.
    if (!(megabytes <= (most[quarter] ?? 0))) most[quarter] = megabytes
  }
  return most
}

/** The last quarter against the second; in the first a program takes what it needs to begin. */
export function growthOf([, second, , last]: readonly number[] = []): number {
  return (last ?? Number.NaN) / (second ?? Number.NaN)
}
