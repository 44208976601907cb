import { hash } from './random.ts'

// When a company works: it grows over the years, and rests at night and at weekends.
const hours = [1, 0, 0, 0, 0, 1, 3, 8, 14, 18, 18, 16, 12, 14, 17, 17, 15, 12, 8, 5, 4, 3, 2, 1]
const hourTotal = hours.reduce((sum, weight) => sum + weight, 0)
const day = 86_400
// Days begin at Pacific midnight; an hour more or less in summer changes nothing here.
const midnight = 8 * 3600

export type History = {
  /** Epoch seconds of the n-th of `count` rows; ascends with n. */
  at(n: number, count: number): number
}

/** Spreads rows over [from, to), epoch seconds, with growth, quiet nights and weekends. */
export function createHistory(seed: number, from: number, to: number): History {
  const first = Math.floor((from - midnight) / day)
  const last = Math.floor((to - 1 - midnight) / day)
  const sums = new Float64Array(last - first + 2)
  for (let index = 0; index <= last - first; index++) {
    const weekday = (first + index + 4) % 7
    const busy = weekday === 0 ? 0.04 : weekday === 6 ? 0.1 : 1
    const growth = 0.25 + (1.5 * index) / (last - first + 1)
    const noise = 0.6 + (hash(seed, 71, index) % 800) / 1000
    sums[index + 1] = (sums[index] as number) + busy * growth * noise
  }
  const total = sums[sums.length - 1] as number

  function at(n: number, count: number): number {
    const jitter = (hash(seed, 72, n) % 1000) / 1000
    const target = ((n + jitter) / count) * total
    let [low, high] = [0, sums.length - 1]
    while (low < high - 1) {
      const middle = (low + high) >>> 1
      if ((sums[middle] as number) <= target) low = middle
      else high = middle
    }
    const width = (sums[low + 1] as number) - (sums[low] as number)
    let rest = ((target - (sums[low] as number)) / width) * hourTotal
    let hour = 0
    while (hour < 23 && rest >= (hours[hour] as number)) rest -= hours[hour++] as number
    const within = Math.min(rest / Math.max(hours[hour] as number, 1), 0.999)
    const seconds = (first + low) * day + midnight + hour * 3600 + Math.floor(within * 3600)
    return Math.min(Math.max(seconds, from), to - 1)
  }
  return { at }
}

/** A later moment for a row made at `created`: some days on, in working hours, before `to`. */
export function laterTime(seed: number, n: number, created: number, to: number): number {
  const days = 1 + (hash(seed, 73, n) % 6) ** 2 + (hash(seed, 74, n) % 25)
  const shift = (hash(seed, 75, n) % 7200) - 3600
  const later = created + days * day + shift
  if (later < to) return later
  return created + (hash(seed, 76, n) % Math.max(to - created, 1))
}
