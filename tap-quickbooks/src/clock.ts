/** QuickBooks' clock, known from its Date headers; the local clock may be wrong. */
export type Clock = {
  /** Takes the Date header of an answer that has just come. */
  see(dateHeader: string | string[] | undefined): void
  /** Epoch seconds by QuickBooks' clock; undefined before the first answer. */
  now(): number | undefined
}

export function createClock(): Clock {
  let seenAt: { server: number; local: number } | undefined
  return {
    see(dateHeader) {
      const server = Date.parse(String(dateHeader)) / 1000
      if (!Number.isNaN(server)) seenAt = { server, local: performance.now() / 1000 }
    },
    now() {
      if (seenAt === undefined) return undefined
      return seenAt.server + performance.now() / 1000 - seenAt.local
    },
  }
}
