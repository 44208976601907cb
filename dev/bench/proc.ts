import { readFileSync } from 'node:fs'

/** Processor time of children that have ended, in hundredths of a second. */
export function childrenTicks(pid: number | 'self'): number {
  const fields = statFields(pid)
  return Number(fields[13]) + Number(fields[14])
}

/** Processor time of a process, its children that live and its children that have ended. */
export function familyTicks(pid: number | undefined): number {
  if (pid === undefined) return Number.NaN
  const living = childrenOf(pid).map((child) => ownTicks(child) || 0)
  return living.reduce((sum, ticks) => sum + ticks, ownTicks(pid) + childrenTicks(pid))
}

export function childrenOf(pid: number): number[] {
  return readProc(pid, `task/${pid}/children`).split(' ').filter(Boolean).map(Number)
}

/** Empty where the process has ended, or where there is no /proc. */
export function readProc(pid: number | 'self', name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return ''
  }
}

function ownTicks(pid: number): number {
  const fields = statFields(pid)
  return Number(fields[11]) + Number(fields[12])
}

function statFields(pid: number | 'self'): string[] {
  return readProc(pid, 'stat').split(') ').at(-1)?.split(' ') ?? []
}
