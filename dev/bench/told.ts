/** What a line of a run told of one stream, and what was true when it came. */
export type Told = {
  /** Seconds since the run began. */
  at: number
  /** From 0 to 1, as it was shown. */
  share: number
  rows: number
  /** Of how many rows. */
  expected: number | undefined
  /** Seconds. */
  left: number | undefined
  /** Rows in the database. */
  committed: number
}

/** How far from the truth lines were at the most, in percent of the whole. */
export type Untruth = {
  /** The share against the rows that were read. */
  share: number
  /** The rows expected against the rows there were. */
  expected: number
  /** The share against the rows that were in the database. */
  committed: number
  /** The time left against the time it took, in percent of the run; not from its beginning. */
  left: number
}

/** In the first tenth of a run nobody can know how long the rest will take. */
const BEGINNING = 0.1

/** What a line for people tells of a stream that is being read; undefined for any other line. */
export function readTold(
  stream: string,
  line: string,
): Pick<Told, 'share' | 'rows' | 'expected' | 'left'> | undefined {
  const told = new RegExp(
    `after .*: .*\\b${stream} (\\d+)%, (?:[\\d,]+ of [\\d,]+ windows, )?([\\d,]+)(?: of ([\\d,]+))? rows`,
  ).exec(line)
  if (told === null) return undefined
  const [, share, rows, expected] = told
  return {
    share: Number(share) / 100,
    rows: countOf(rows),
    expected: expected === undefined ? undefined : countOf(expected),
    left: secondsOf(/about (.+) left/.exec(line)?.[1]),
  }
}

/** Judges what a run told, once it is known how many rows there were and how long it took. */
export function judgeTold(
  told: readonly Told[],
  { rows, seconds }: { rows: number; seconds: number },
): Untruth {
  const most = (offs: (number | undefined)[]): number => {
    const known = offs.flatMap((off) => (off === undefined ? [] : Math.abs(off)))
    return known.length === 0 ? Number.NaN : 100 * Math.max(...known)
  }
  return {
    share: most(told.map((one) => one.share - one.rows / rows)),
    expected: most(told.map(({ expected }) => expected && expected / rows - 1)),
    committed: most(told.map((one) => one.share - one.committed / rows)),
    left: most(
      told
        .filter(({ at }) => at >= BEGINNING * seconds)
        .map(({ at, left }) => left && (at + left) / seconds - 1),
    ),
  }
}

const UNIT_SECONDS: Record<string, number> = { s: 1, min: 60, h: 3600 }

/** `18 s`, `2 min 05 s`, `3 h 20 min`. */
function secondsOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const parts = [...text.matchAll(/(\d+) (s|min|h)\b/g)]
  return parts.reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNIT_SECONDS[unit ?? ''] ?? 0),
    0,
  )
}

function countOf(text: string | undefined): number {
  return Number(text?.replaceAll(',', ''))
}
