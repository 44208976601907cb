import type { Writable } from 'node:stream'
import { showControls } from './errors.ts'

/** How much of a terminal a block may take. */
export type Room = { columns: number; rows: number }

/**
 * stderr for people: lines that stay, and on a terminal below them one block that is drawn again
 * in place.
 */
export type Screen = {
  /** Whether a block can be shown. */
  readonly isLive: boolean
  /** Prints whole lines, which stay. */
  write(text: string): void
  /** Shows the lines that `draw` gives, cut to the room, and asks it again a few times a second. */
  show(draw: (room: Room) => readonly string[]): void
  /** Takes the block away. */
  hide(): void
}

type Output = Writable & { isTTY?: boolean; columns?: number; rows?: number }

const TICK_MS = 250

/** Clears from here to the end of the screen. */
const CLEAR = '\r\x1b[J'

/**
 * A screen on `output`. `NO_COLOR`, `CI` and `TERM=dumb` ask for plain lines, as does everything
 * that is no terminal.
 *
 * The cursor stays above the block, on an empty line. What others print there (another program of
 * the pipe, a Ctrl-C) keeps its place, for the next drawing begins below it; and a terminal that
 * becomes narrower may wrap the old block as it likes. The cursor is never hidden.
 */
export function createScreen(
  output: Output,
  environment: Record<string, string | undefined> = {},
): Screen {
  const { NO_COLOR, CI, TERM } = environment
  const isLive = Boolean(output.isTTY) && !NO_COLOR && !isSet(CI) && TERM !== 'dumb'
  let draw: ((room: Room) => readonly string[]) | undefined
  let timer: NodeJS.Timeout | undefined
  let isShown = false
  let drawnAt = 0

  /** The block, and the way back to the line above it. */
  function block(): string {
    if (draw === undefined) return ''
    const { columns = 80, rows = 24 } = output
    // A line that fills the width would wrap on some terminals.
    const room = { columns: Math.max(1, columns - 1), rows: Math.max(1, rows - 2) }
    const lines = draw(room)
      .slice(0, room.rows)
      .map((line) => showControls(line).slice(0, room.columns))
    isShown = lines.length > 0
    drawnAt = performance.now()
    if (!isShown) return ''
    const rest = lines.map((line) => `\n${line}\x1b[K`).join('')
    return `\x1b[K${rest}\x1b[J\x1b[${lines.length}A\r`
  }

  function redraw(): void {
    const clear = isShown ? '\r' : ''
    const text = block()
    if (isShown) output.write(clear + text)
    else if (clear !== '') output.write(CLEAR)
  }

  function hide(): void {
    clearInterval(timer)
    draw = undefined
    if (isShown) output.write(CLEAR)
    isShown = false
  }

  return {
    isLive,
    write(text) {
      if (!isShown) {
        output.write(text)
        return
      }
      // Where lines come fast the block waits for its next turn.
      const isDue = performance.now() - drawnAt >= TICK_MS - 50
      isShown = false
      output.write(CLEAR + text + (isDue ? block() : ''))
    },
    show(given) {
      if (!isLive) return
      if (draw === undefined) {
        timer = setInterval(redraw, TICK_MS)
        timer.unref()
        output.on('resize', redraw)
        process.on('exit', hide)
      }
      draw = given
      redraw()
    },
    hide() {
      output.off('resize', redraw)
      process.off('exit', hide)
      hide()
    },
  }
}

/** `CI=false` says that it is none. */
function isSet(value: string | undefined): boolean {
  return value !== undefined && !/^(|0|false)$/i.test(value)
}
