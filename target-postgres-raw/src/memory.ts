import { getHeapSpaceStatistics, getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Above this much resident memory garbage is looked for early. */
const CALM_BYTES = 95 * 1024 * 1024
/** What must have been added since the last time, so that it is not looked for in vain. */
const GROWTH_BYTES = 8 * 1024 * 1024
/** How much resident memory there is takes a tenth of a millisecond to learn. */
const MOST_CALLS = 16
const MOST_ADDED_BYTES = 2 * 1024 * 1024
/** Enough room for what dies young; V8 would take three times 16 MB, and never give it back. */
const YOUNG_BYTES = 8 * 1024 * 1024

/**
 * V8 lets garbage pile up as long as it believes that there is memory. A target runs beside a tap
 * and a database and has a bound to keep: what this gives is called now and then, and keeps it.
 */
export function watchMemory(): () => void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  let isGrowing = true
  let floor = Number.POSITIVE_INFINITY
  let calls = 0
  let heldBefore = 0
  return () => {
    const held = heldBytes()
    if (++calls < MOST_CALLS && held < heldBefore + MOST_ADDED_BYTES) return
    calls = 0
    heldBefore = held
    if (isGrowing && youngBytes() >= YOUNG_BYTES) {
      setFlagsFromString('--semi-space-growth-factor=1')
      isGrowing = false
    }
    const bytes = process.memoryUsage.rss()
    // Freed memory is given back some time after a collection.
    floor = Math.min(floor, bytes)
    if (bytes < CALM_BYTES || bytes < floor + GROWTH_BYTES) return
    collect()
    floor = Number.POSITIVE_INFINITY
  }
}

/** V8's heap, and what lies beside it in buffers. */
function heldBytes(): number {
  const { total_heap_size: heap, external_memory: external } = getHeapStatistics()
  return heap + external
}

function youngBytes(): number {
  const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space')
  return young?.space_size ?? 0
}
