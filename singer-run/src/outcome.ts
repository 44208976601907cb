import { EXIT } from '@singer-io-ts/core'
import type { Role } from './metrics.ts'

/** How a program ended: its code as a shell gives it (128 + signal), and the signal by name. */
export type End = { code: number; signal?: string | undefined }

export type Ends = { tap: End; target: End; first: Role }

/** The run's exit code, and whose it is. */
export type Outcome = { code: number; culprit: Role | undefined }

/** The program finished and its state is good, though not everything was done. */
const SOFT: readonly number[] = [EXIT.someStreamsFailed, EXIT.callLimit]

/**
 * The exit code of a run is the code of the program that failed first: what the other one says is
 * mostly a consequence. A tap that could not write on is never the cause of the target's failure.
 */
export function judge({ tap, target, first }: Ends): Outcome {
  if (tap.code === 0 && target.code === 0) return { code: EXIT.done, culprit: undefined }
  const isTargets =
    target.code !== 0 &&
    (tap.code === 0 ||
      first === 'target' ||
      tap.code === EXIT.closedOutput ||
      SOFT.includes(tap.code))
  if (isTargets) return { code: target.code, culprit: 'target' }
  // Then the tap was stopped because nobody read on: to the caller, a closed pipe.
  const wasCut = first === 'target' && tap.code === EXIT.sigterm
  return { code: wasCut ? EXIT.closedOutput : tap.code, culprit: 'tap' }
}

/** True for codes that say: not everything was done, but what was done is good. */
export function isSoft(code: number): boolean {
  return SOFT.includes(code)
}

/** What happened, in a line that names each program that failed. */
export function describeEnds({ tap, target, first }: Ends, titles: Record<Role, string>): string {
  const wasLeft = tap.code === EXIT.closedOutput || tap.code === EXIT.sigterm
  // Else the target has only seen the end of the pipe before this program saw that of the tap.
  if (first === 'target' && target.code === 0 && wasLeft)
    return `${titles.target} ended before ${titles.tap} was done, which ${describeEnd(tap)}`
  const failed = ([first, first === 'tap' ? 'target' : 'tap'] as const).filter(
    (role) => ({ tap, target })[role].code !== 0,
  )
  return failed.map((role) => `${titles[role]} ${describeEnd({ tap, target }[role])}`).join('; ')
}

/** `ended with exit code 4`, `was killed by SIGKILL (exit code 137)`. */
function describeEnd({ code, signal }: End): string {
  return signal === undefined
    ? `ended with exit code ${code}`
    : `was killed by ${signal} (exit code ${code})`
}
