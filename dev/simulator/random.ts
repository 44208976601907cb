/** A small seeded generator; the state is one number so that it costs nothing to start per row. */
export type Random = { state: number }

/** Mixes whole numbers into one 32-bit hash; equal arguments always give equal results. */
export function hash(...parts: number[]): number {
  let mixed = 0x9e3779b9
  for (const part of parts) {
    mixed = Math.imul(mixed ^ part, 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    mixed ^= mixed >>> 16
  }
  return mixed >>> 0
}

/** The next 32-bit number (mulberry32). */
export function next(random: Random): number {
  random.state = (random.state + 0x6d2b79f5) | 0
  let mixed = random.state
  mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return (mixed ^ (mixed >>> 14)) >>> 0
}

/** A whole number in [0, limit). */
export function draw(random: Random, limit: number): number {
  return Math.floor((next(random) / 4294967296) * limit)
}

/** True in `percent` of 100 draws. */
export function chance(random: Random, percent: number): boolean {
  return draw(random, 100) < percent
}

/** One entry of a list that is not empty. */
export function pick<Entry>(random: Random, entries: readonly Entry[]): Entry {
  return entries[draw(random, entries.length)] as Entry
}
