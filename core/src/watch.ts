import type { Life } from './main.ts'
import {
  formatProgress,
  formatProgressBlock,
  formatProgressLine,
  type Progress,
} from './progress.ts'

type Watched = Pick<Life, 'log' | 'screen' | 'environment'>

/**
 * Shows until `stop` is called how far a run is: a live block on a terminal, else a line every
 * ten seconds (`SINGER_PROGRESS_SECONDS`; 0: never). Whoever started this program may ask for
 * PROGRESS lines instead, every second, with `SINGER_PROGRESS=json`.
 */
export function watchProgress(life: Watched, read: () => Progress): { stop: () => void } {
  const { log, screen } = life
  if (isAsked(life)) return tellProgress(life, read)
  // Where stdout is the terminal too, what comes there would tear the block apart.
  const isPlain = log.format() === 'json' || Boolean(process.stdout.isTTY)
  if (!screen.isLive || isPlain) return every(life, 10, () => log.info(formatProgressLine(read())))
  if (!isSaid(life)) return { stop: () => {} }
  screen.show((room) => formatProgressBlock(read(), room))
  return { stop: screen.hide }
}

/** PROGRESS lines, where they are asked for. */
export function tellProgress(life: Watched, read: () => Progress): { stop: () => void } {
  if (!isAsked(life)) return { stop: () => {} }
  const tell = (): void => life.log.info(formatProgress(read()))
  const { stop } = every(life, 1, tell)
  return {
    stop() {
      stop()
      tell()
    },
  }
}

function isAsked({ environment }: Watched): boolean {
  return environment.SINGER_PROGRESS === 'json'
}

function isSaid({ log }: Watched): boolean {
  return ['debug', 'info'].includes(log.level())
}

function every({ environment }: Watched, seconds: number, work: () => void): { stop: () => void } {
  const given = environment.SINGER_PROGRESS_SECONDS
  const wanted = given === undefined || given.trim() === '' ? seconds : Number(given)
  if (!(wanted > 0)) return { stop: () => {} }
  // The longest that a timer can be.
  const timer = setInterval(work, Math.min(wanted * 1000, 2 ** 31 - 1))
  timer.unref()
  return { stop: () => clearInterval(timer) }
}
