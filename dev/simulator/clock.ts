/** The simulator's own time: the Date header, `time` and every edit come from it. */
export type Clock = {
  /** Epoch milliseconds. */
  now(): number
  /** Jumps to an instant (ISO text or epoch milliseconds); a clock that runs goes on from there. */
  set(instant: string | number): void
  /** Jumps ahead, or back with a negative number. */
  advance(seconds: number): void
  /** Stands still until `resume`. */
  freeze(): void
  resume(): void
}

/** A clock that starts at the machine's time plus `offsetMs`. */
export function createClock(offsetMs = 0): Clock {
  let offset = offsetMs
  let frozen: number | undefined
  const now = () => frozen ?? Date.now() + offset
  const set = (millis: number) => {
    if (!Number.isFinite(millis)) throw new TypeError('clock: not an instant')
    if (frozen !== undefined) frozen = millis
    offset = millis - Date.now()
  }
  return {
    now,
    set: (instant) => set(typeof instant === 'number' ? instant : Date.parse(instant)),
    advance: (seconds) => set(now() + seconds * 1000),
    freeze: () => {
      frozen = now()
    },
    resume: () => {
      if (frozen !== undefined) offset = frozen - Date.now()
      frozen = undefined
    },
  }
}
