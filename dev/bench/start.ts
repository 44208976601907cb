import type { Finding, Measured } from './finding.ts'
import { RUNNER, TAP, TARGET } from './place.ts'
import { alternate, ratioOf } from './rounds.ts'
import { type Used, use } from './used.ts'

/** Together, since processor time is counted in hundredths of a second. */
const STARTS = 3

const PROGRAMS: readonly [name: string, args: readonly string[], most: number][] = [
  ['tap-quickbooks --version', [TAP, '--version'], 2],
  ['target-postgres-raw --version', [TARGET, '--version'], 2],
  ['singer-run --version', [RUNNER, '--version'], 2],
  ['tap-quickbooks --discover', [TAP, '--discover'], 2.5],
]

/** What the programs take to start, against Node that does nothing. */
export async function measureStart(rounds: number): Promise<Measured> {
  const nothing = (): Promise<Used> => useOften(['node', '-e', '0'])
  const used = await alternate<string>(rounds, {
    nothing,
    ...Object.fromEntries(PROGRAMS.map(([name, command]) => [name, () => useOften(command)])),
  })
  const { nothing: yardstick = [] } = used
  const findings = PROGRAMS.flatMap(([name, , most]): Finding[] => [
    {
      what: `${name}: time / node -e 0`,
      value: ratioOf(used[name] ?? [], yardstick, 'seconds'),
      unit: '×',
      goal: { most },
    },
    {
      what: `${name}: CPU / node -e 0`,
      value: ratioOf(used[name] ?? [], yardstick, 'cpuSeconds'),
      unit: '×',
      goal: { most },
    },
  ])
  const programs = ['nothing', ...PROGRAMS.map(([name]) => name)].map((name) => ({
    name: `${name === 'nothing' ? 'node -e 0' : name}, ${STARTS} times`,
    used: used[name] ?? [],
  }))
  return { findings, programs }
}

async function useOften(command: readonly string[]): Promise<Used> {
  const sum = await use({ command })
  for (let n = 1; n < STARTS; n++) {
    const { seconds, cpuSeconds, peakMegabytes } = await use({ command })
    sum.seconds += seconds
    sum.cpuSeconds += cpuSeconds
    sum.peakMegabytes = Math.max(sum.peakMegabytes, peakMegabytes)
  }
  return sum
}
