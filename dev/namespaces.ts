import { spawnSync } from 'node:child_process'
import type { TestContext } from 'vitest'
import { skip } from './skip.ts'

/** Before a command: it runs in a network of its own, as in another container. */
export const APART: readonly string[] = ['unshare', '--map-root-user', '--net']

/** As APART, with process ids of its own as well; ends with `unshare`. */
export const FAR_APART: readonly string[] = [
  ...APART,
  ...['--pid', '--fork', '--kill-child', '--mount-proc'],
]

/** Skips the test where such a command, or this one, cannot be run. */
export function needNamespaces(context: TestContext, command: readonly string[] = FAR_APART): void {
  const [program = '', ...args] = [...command, 'true']
  const tried = spawnSync(program, args, { encoding: 'utf8' })
  if (tried.status !== 0)
    skip(context, `no namespaces here: ${tried.error?.message ?? tried.stderr.trim()}`)
}
