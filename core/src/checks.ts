import type { Life } from './main.ts'

/** What was looked at in a trial of the settings, and what was found. */
export type Check = {
  /** In a word or two: `token`. */
  check: string
  outcome: 'ok' | 'warn' | 'fail'
  found: string
  /** What to do about it. */
  todo?: string | undefined
  /** The company that the settings name, where they name one. */
  realm_id?: string | undefined
  /** How many tables for rows are there already, where that was looked at. */
  tables?: number | undefined
}

const MARK = 'CHECK: '

/** Says it in the log, or as a line for the program that has asked by `SINGER_CHECKS=json`. */
export function tellCheck(
  check: Check,
  { log, environment }: Pick<Life, 'log' | 'environment'>,
): void {
  if (environment.SINGER_CHECKS === 'json') {
    // Whoever asks wants to hear of what is good, too.
    log.configure({ level: 'info' })
    log.info(MARK + JSON.stringify(check))
    return
  }
  const level = ({ ok: 'info', warn: 'warning', fail: 'error' } as const)[check.outcome]
  log[level](`${check.check}: ${describeCheck(check)}`)
}

/** What was found, and what to do about it. */
export function describeCheck({ found, todo }: Check): string {
  return todo === undefined ? found : `${found}. ${todo}`
}

/** The check that a message of a log tells; undefined for any other message. */
export function readCheck(message: string): Check | undefined {
  if (!message.startsWith(MARK)) return undefined
  try {
    return JSON.parse(message.slice(MARK.length)) as Check
  } catch {
    return undefined
  }
}
