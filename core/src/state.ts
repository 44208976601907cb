import { ConfigError } from './errors.ts'
import { readText } from './textfile.ts'

/** A Singer state: what the tap needs to go on. Members that are not known are kept. */
export type State = { bookmarks?: Record<string, unknown>; [member: string]: unknown }

/** Reads the file that `--state` names; throws ConfigError when it is not one whole JSON object. */
export function readState(path: string): State {
  const fault = (what: string): ConfigError =>
    new ConfigError([`--state ${path}: ${what}`], {
      hint:
        'The file must hold one state: the last line that the target printed ' +
        "(of target-postgres-raw, 'target-postgres-raw state' prints it again). " +
        'Nothing is read from the start again unless you leave --state away.',
    })
  let text: string
  try {
    text = readText(path)
  } catch (thrown) {
    const { message, cause } = thrown as Error
    if (cause === undefined) throw fault(message)
    const hint = 'A first run has none: leave --state away.'
    throw new ConfigError([`--state ${path}: ${message}`], { hint, cause })
  }
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
  if (!canBeWritten(state)) throw fault('nests too deeply to be written again')
  const { bookmarks, ...others } = state as State
  if (others.type === 'STATE' && 'value' in others)
    throw fault('holds a STATE message, not the value in it')
  if (bookmarks === undefined || bookmarks === null) return others
  if (typeof bookmarks !== 'object' || Array.isArray(bookmarks))
    throw fault("'bookmarks' is not an object")
  return state as State
}

/** JSON.stringify goes less deep than JSON.parse; a STATE is written from deeper in the program. */
function canBeWritten(state: object): boolean {
  let wrapped: object = state
  for (let depth = 0; depth < 100; depth++) wrapped = [wrapped]
  try {
    JSON.stringify(wrapped)
    return true
  } catch {
    return false
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
