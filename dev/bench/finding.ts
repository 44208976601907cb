import { alignColumns, formatCount } from '@singer-io-ts/core'
import { medianOf, peakOf } from './rounds.ts'
import type { Used } from './used.ts'

/** A figure with its goal. */
export type Finding = {
  what: string
  value: number
  unit: '×' | '%' | 'MB' | 'µs' | 'rows'
  goal: { most: number } | { least: number } | undefined
}

/** What a measurement found, and what each program took; all rounds in their order. */
export type Measured = {
  findings: Finding[]
  programs: { name: string; rows?: number; used: Used[] }[]
}

export function isMet({ value, goal }: Finding): boolean | undefined {
  if (goal === undefined || Number.isNaN(value)) return undefined
  return 'most' in goal ? value <= goal.most : value >= goal.least
}

/** The figures, then the programs with their medians. */
export function printTables(measured: readonly Measured[]): string {
  const findings = measured.flatMap((one) => one.findings)
  const programs = measured.flatMap((one) => one.programs)
  const figures = findings.map((one) => [
    one.what,
    show(one.value, one.unit),
    one.goal === undefined
      ? ''
      : 'most' in one.goal
        ? `≤ ${show(one.goal.most, one.unit)}`
        : `≥ ${show(one.goal.least, one.unit)}`,
    { true: 'yes', false: 'no', undefined: '' }[String(isMet(one))] ?? '',
  ])
  const shares = programs.map(({ name, rows, used }) => [
    name,
    formatCount(rows),
    seconds(medianOf(used, 'seconds')),
    rows === undefined ? '-' : formatCount(Math.round(rows / medianOf(used, 'seconds'))),
    seconds(medianOf(used, 'cpuSeconds')),
    seconds(medianOf(used, 'postgresSeconds')),
    show(peakOf(used), 'MB'),
  ])
  return [
    ...alignColumns([['what', 'measured', 'goal', 'met'], ...figures]),
    '',
    ...alignColumns([
      ['program', 'rows', 'seconds', 'rows/s', 'CPU s', 'Postgres s', 'peak'],
      ...shares,
    ]),
  ].join('\n')
}

function show(value: number, unit: Finding['unit']): string {
  if (Number.isNaN(value)) return '-'
  if (unit === '×') return `${value.toFixed(2)} ×`
  return `${value < 10 && unit !== 'rows' ? value.toFixed(1) : formatCount(Math.round(value))} ${unit}`
}

function seconds(value: number): string {
  return Number.isNaN(value) ? '-' : value.toFixed(2)
}
