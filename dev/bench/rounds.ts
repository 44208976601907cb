import type { Used } from './used.ts'

/** Runs each program once a round, every other round in the opposite order. */
export async function alternate<Name extends string>(
  rounds: number,
  programs: Record<Name, () => Promise<Used>>,
): Promise<Record<Name, Used[]>> {
  const names = Object.keys(programs) as Name[]
  const used = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    Name,
    Used[]
  >
  for (let round = 0; round < rounds; round++)
    for (const name of round % 2 === 0 ? names : names.toReversed())
      used[name].push(await programs[name]())
  return used
}

type Quantity = 'seconds' | 'cpuSeconds' | 'postgresSeconds' | 'peakMegabytes'

/** The median of the ratios, round by round. */
export function ratioOf(ours: readonly Used[], theirs: readonly Used[], what: Quantity): number {
  return median(ours.map((one, round) => one[what] / (theirs[round]?.[what] ?? Number.NaN)))
}

export function medianOf(used: readonly Used[], what: Quantity): number {
  return median(used.map((one) => one[what]))
}

/** The most memory in any round. */
export function peakOf(used: readonly Used[]): number {
  return Math.max(...used.map((one) => one.peakMegabytes))
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}
