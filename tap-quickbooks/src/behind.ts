import type { Row } from './answer.ts'
import { dropRepeats } from './pagerows.ts'
import type { Ask } from './pages.ts'
import type { Range } from './windows.ts'

/** So many refused rows one behind the other are no matter of single rows. */
const MOST_PASSED_OVER = 1024

/**
 * The rows behind the one that is in the way, which comes next after `lastKnown` rows, and behind
 * more of them if need be; with MAXRESULTS as asked.
 */
export async function readBehind(
  ask: Ask,
  range: Range,
  lastKnown: number,
  pageSize: number,
): Promise<{ rows: readonly Row[]; asked: number }> {
  let passedOver = 1
  let maxResults = pageSize
  for (;;) {
    const startPosition = lastKnown + passedOver + 1
    try {
      const rows = await ask.rows(range, { startPosition, maxResults })
      return { rows: dropRepeats(rows), asked: maxResults }
    } catch (thrown) {
      if (passedOver >= MOST_PASSED_OVER || !(await ask.refusalOf(thrown))) throw thrown
      if (maxResults > 1) maxResults = Math.ceil(maxResults / 5)
      else passedOver *= 2
    }
  }
}
