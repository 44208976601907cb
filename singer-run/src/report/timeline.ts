import { breakable, type Html, html } from './html.ts'
import {
  cellsOf,
  chooseUnit,
  DAY_MS,
  monthOf,
  nextOf,
  type Range,
  startOf,
  type Unit,
} from './time.ts'

/** A chart over time: name to the left, drawing, number to the right; below each other on a phone. */
export function timeRow(name: string, drawing: Html, note: string | Html): Html {
  return html`<div class="row"><div class="name">${breakable(name)}</div>${drawing}<div class="note">${note}</div></div>\n`
}

/** More cells would be too thin on a screen. */
const MOST_CELLS = 132

/** The cells that the charts of a range show, and what of the calendar they all lie in. */
export function frameOf(range: Range): { unit: Unit; frame: Range } {
  const unit = chooseUnit(range, MOST_CELLS)
  const wider = (['month', unit] as const).map((one) => ({
    start: startOf(one, range.start),
    end: nextOf(one, startOf(one, range.end - 1)),
  }))
  return {
    unit,
    frame: {
      start: Math.min(...wider.map(({ start }) => start)),
      end: Math.max(...wider.map(({ end }) => end)),
    },
  }
}

type Tick = { at: number; label: string }

/**
 * The axis below the rows, its end labelled as well. A label that would touch the next one, or that
 * of the end, is left out.
 */
export function timeAxis(range: Range): Html {
  const length = range.end - range.start
  const share = (at: number): number => (at - range.start) / length
  const { ticks, end } = ticksOf(range)
  return html`<div class="row axis" aria-hidden="true"><div class="name"></div><div class="ticks">${ticks.map(
    ({ at, label }) => html`<span style="left:${(100 * share(at)).toFixed(2)}%">${label}</span>`,
  )}<span class="end">${end}</span></div><div class="note"></div></div>\n`
}

/** So much of the narrowest axis a label needs, with its mark and some room. */
const shareOf = (label: string): number => 0.02 + 0.0213 * label.length

/** Where the cells of a unit begin, and which day or month is the last. */
function ticksOf(range: Range): { ticks: Tick[]; end: string } {
  const length = range.end - range.start
  const isLong = length > 500 * DAY_MS
  const unit = isLong ? 'year' : length > 70 * DAY_MS ? 'month' : chooseUnit(range, 70)
  const label = (at: number): string => {
    const text = new Date(at).toISOString()
    return isLong ? text.slice(0, 4) : unit === 'month' ? monthOf(at) : text.slice(0, 10)
  }
  const end = isLong ? monthOf(range.end - 1) : label(range.end - 1)
  const least = length * shareOf(label(range.start))
  const room = least + length * shareOf(end)
  const starts = cellsOf(unit, range)
    .map(({ start }) => start)
    .filter((start) => start >= range.start && range.end - start >= room)
  const step = Math.max(1, Math.ceil(least / ((starts[1] ?? range.end) - (starts[0] ?? 0))))
  // Years that are round make the better labels.
  const isKept = (at: number, index: number): boolean =>
    isLong ? new Date(at).getUTCFullYear() % niceStep(step) === 0 : index % step === 0
  return { ticks: starts.filter(isKept).map((at) => ({ at, label: label(at) })), end }
}

function niceStep(step: number): number {
  return [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((nice) => nice >= step) ?? 5000
}
