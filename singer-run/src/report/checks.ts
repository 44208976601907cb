import {
  countOf,
  type Line,
  placeOf,
  type ReadLine,
  readLines,
  streamOf,
  textsOf,
} from './inputs.ts'
import { parseTime, type Range } from './time.ts'

/** What one `verify` has found. */
export type Check = {
  /** With counts alone, equality proves nothing. */
  isByRows: boolean
  /** ISO 8601: the source's clock when it was counted. */
  asOf: string
  streams: string[]
  /** No STATE vouches for these, so that nothing of them could be called missing. */
  unknown: string[]
  windows: Comparison[]
}

/** A window of a comparison. Counts that were not given are undefined. */
export type Comparison = {
  stream: string
  window: Range
  isEqual: boolean
  sourceRows: number | undefined
  tableRows: number | undefined
  /** What differs, by its name. */
  counts: Record<(typeof DIFFERENCES)[number], number>
  sourceTotal: string | undefined
  tableTotal: string | undefined
  ids: readonly string[]
}

export const DIFFERENCES = ['missing', 'extra', 'deleted', 'stale', 'pending'] as const

const AGAIN = 'run verify again, or leave --verify out'

/**
 * JSON lines as `target-postgres-raw verify` prints them, of one call or of several. Throws an Error
 * that names the line, or says that the closing one is missing: what broke off found nothing.
 */
export function readChecks(text: string): Check[] {
  const checks: Check[] = []
  let open: ReadLine[] = []
  for (const read of readLines(text)) {
    if (read.line.type === 'summary') {
      checks.push(closed(read, open))
      open = []
    } else open.push(read)
  }
  if (open.length > 0)
    throw new Error(
      `has no closing line after its last ${open.length === 1 ? 'line' : `${open.length} lines`}, ` +
        `so verify broke off: see its last words on stderr, then ${AGAIN}`,
    )
  if (checks.length === 0)
    throw new Error(
      `is empty, so verify failed before it compared: see its last words on stderr, then ${AGAIN}`,
    )
  return checks
}

function closed({ line, number }: ReadLine, lines: readonly ReadLine[]): Check {
  const windows = lines.map(comparisonOf)
  const differing = windows.filter(({ isEqual }) => !isEqual).length
  const said = [countOf(line, 'windows', number), countOf(line, 'differing', number)]
  if (said[0] !== windows.length || said[1] !== differing)
    throw new Error(
      `line ${number} closes ${said[0]} windows, ${said[1]} of them different, but ` +
        `${windows.length} and ${differing} came, so a part is lost: ${AGAIN}`,
    )
  if (parseTime(line.as_of) === undefined) throw new Error(`line ${number} has no as_of`)
  return {
    isByRows: line.kind === 'rows',
    asOf: String(line.as_of),
    streams: textsOf(line.streams),
    unknown: textsOf(line.unknown),
    windows,
  }
}

function comparisonOf({ line, number }: ReadLine): Comparison {
  if (typeof line.is_equal !== 'boolean') throw new Error(`line ${number} has no is_equal`)
  const optional = (name: string): number | undefined => {
    const value = line[name]
    return typeof value === 'number' ? value : undefined
  }
  return {
    ...placeOf(line, number),
    stream: streamOf(line, number),
    isEqual: line.is_equal,
    sourceRows: optional('source_rows'),
    tableRows: optional('table_rows'),
    counts: Object.fromEntries(
      DIFFERENCES.map((name) => [name, optional(name) ?? 0]),
    ) as Comparison['counts'],
    sourceTotal: totalOf(line, 'source_total'),
    tableTotal: totalOf(line, 'table_total'),
    ids: ['missing_ids', 'extra_ids', 'stale_ids'].flatMap((name) =>
      textsOf(line[name]).map((id) => `${id} (${name.replace('_ids', '')})`),
    ),
  }
}

function totalOf(line: Line, name: string): string | undefined {
  const value = line[name]
  return typeof value === 'number' || typeof value === 'string' ? String(value) : undefined
}
