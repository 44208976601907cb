import type { Life } from '@singer-io-ts/core'
import { findCommand, splitCommand } from './command.ts'
import type { Role } from './metrics.ts'

/** A program of the pipe: as it was called, its file, its arguments. */
export type Program = { name: string; file: string; args: string[] }

export const NOTHING: Program = { name: '', file: '', args: [] }

/** The program that a command line of --tap or --target means. What is wrong is added to `faults`. */
export function findProgram(
  role: Role,
  line: string,
  environment: Life['environment'],
  faults: string[],
): Program {
  const places = { cwd: process.cwd(), path: environment.PATH, script: process.argv[1] }
  try {
    const { name, args } = splitCommand(line)
    const file = findCommand(name, places)
    if (file === undefined)
      faults.push(
        `--${role}: the command ${name} is not found on PATH, in node_modules/.bin here ` +
          'or beside singer-run: install it, or give its whole path',
      )
    if (role === 'tap' && args.some((word) => /^(--state(=.*)?|-s)$/.test(word)))
      faults.push('--tap: names --state itself; singer-run adds it from its own --state')
    return { name, file: file ?? '', args }
  } catch (cause) {
    faults.push(`--${role}: ${(cause as Error).message}`)
    return NOTHING
  }
}
