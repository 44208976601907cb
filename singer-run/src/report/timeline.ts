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

/** The axis below the rows. A label that would touch the next one or the edge is left out. */
export function timeAxis(range: Range): Html {
  const length = range.end - range.start
  const share = (at: number): number => (at - range.start) / length
  const ticks = ticksOf(range)
  return html`<div class="row axis" aria-hidden="true"><div class="name"></div><div class="ticks">${ticks.map(
    ({ at, label }) => html`<span style="left:${(100 * share(at)).toFixed(2)}%">${label}</span>`,
  )}</div><div class="note"></div></div>\n`
}

/** The widest label needs this much of the narrowest axis. */
const LABEL_SHARE = 0.27

function ticksOf(range: Range): Tick[] {
  const length = range.end - range.start
  const isLong = length > 500 * DAY_MS
  const unit = isLong ? 'year' : length > 70 * DAY_MS ? 'month' : chooseUnit(range, 70)
  const label = (at: number): string => {
    const text = new Date(at).toISOString()
    return isLong ? text.slice(0, 4) : unit === 'month' ? monthOf(at) : text.slice(0, 10)
  }
  const least = length * (isLong ? LABEL_SHARE / 2.5 : LABEL_SHARE)
  const starts = cellsOf(unit, range)
    .map(({ start }) => start)
    .filter((start) => start >= range.start && range.end - start >= least)
  const step = Math.max(1, Math.ceil(least / ((starts[1] ?? range.end) - (starts[0] ?? 0))))
  // Years that are round make the better labels.
  const isKept = (at: number, index: number): boolean =>
    isLong ? new Date(at).getUTCFullYear() % niceStep(step) === 0 : index % step === 0
  return starts.filter(isKept).map((at) => ({ at, label: label(at) }))
}

function niceStep(step: number): number {
  return [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((nice) => nice >= step) ?? 5000
}
