import type { TestContext } from 'vitest'

/** The test is not run, and whoever reads the output is told why. */
export function skip(context: TestContext, reason: string): never {
  console.log(`skipped: ${context.task.name}: ${reason}`)
  return context.skip(reason)
}
