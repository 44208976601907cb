import { readFileSync } from 'node:fs'
import { ConfigError } from './errors.ts'

/** A Singer state: what the tap needs to go on. Members that are not known are kept. */
export type State = { bookmarks?: Record<string, unknown>; [member: string]: unknown }

/** Reads the file that `--state` names; throws ConfigError when it is not one whole JSON object. */
export function readState(path: string): State {
  let text: string
  try {
    text = readFileSync(path, 'utf8').replace(/^\uFEFF/, '')
  } catch (cause) {
    throw new ConfigError([`--state ${path}: cannot be read (${(cause as Error).message})`], {
      hint: 'Leave --state away for a first run.',
      cause,
    })
  }
  const fault = (what: string): ConfigError =>
    new ConfigError([`--state ${path}: ${what}`], {
      hint:
        'The file must hold one state: the last line that the target printed ' +
        "(of target-postgres-raw, 'target-postgres-raw state' prints it again). " +
        'Nothing is read from the start again unless you leave --state away.',
    })
  if (text.trim() === '') throw fault('the file is empty')
  let state: unknown
  try {
    state = JSON.parse(text)
  } catch {
    const lines = text.trim().split('\n')
    throw fault(
      lines.length > 1 && isJson(lines[0] ?? '')
        ? `holds ${lines.length} lines, not one JSON object`
        : 'is not whole JSON',
    )
  }
  if (typeof state !== 'object' || state === null || Array.isArray(state))
    throw fault('is not a JSON object')
  const { bookmarks, ...others } = state as State
  if (others.type === 'STATE' && 'value' in others)
    throw fault('holds a STATE message, not the value in it')
  if (bookmarks === undefined || bookmarks === null) return others
  if (typeof bookmarks !== 'object' || Array.isArray(bookmarks))
    throw fault("'bookmarks' is not an object")
  return state as State
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
