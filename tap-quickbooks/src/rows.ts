import type { Answer, Row } from './answer.ts'
import { type QuickbooksError, strangeAnswer } from './errors.ts'

/** The rows that a query brought, and its answer's time in UTC. */
export type AskedRows = { rows: readonly Row[]; query: string; time: string | undefined }

/** The rows of one entity in a query's answer; none when QuickBooks says there are none. */
export function readQueryRows(answer: Answer, entity: string): Row[] {
  return rowsOf(answer, answer.json.QueryResponse as Record<string, unknown>, entity)
}

/** The rows of each entity in an answer of change data capture, in the order of `entities`. */
export function readChangedRows(answer: Answer, entities: readonly string[]): Row[][] {
  const changes = answer.json.CDCResponse as { QueryResponse?: unknown }[]
  const blocks = changes.flatMap((change) => change?.QueryResponse) as unknown[]
  // What is missing here would be taken for "nothing has changed".
  if (blocks.length !== entities.length)
    throw unusable(`${blocks.length} parts, where ${entities.length} were asked for`)
  const rows = new Map<string, Row[]>()
  for (const block of blocks) {
    if (typeof block !== 'object' || block === null || Array.isArray(block))
      throw unusable('a part that is not an object')
    const names = Object.keys(block).filter((name) => !COUNTERS.has(name))
    const [name] = names
    if (name === undefined) continue
    if (names.length > 1 || !entities.includes(name) || rows.has(name))
      throw unusable(`a part with ${names.join(', ')}`)
    rows.set(name, rowsOf(answer, block as Record<string, unknown>, name))
  }
  return entities.map((entity) => rows.get(entity) ?? [])
}

function unusable(what: string): QuickbooksError {
  return strangeAnswer(`change data capture answers with ${what}`)
}

const COUNTERS = new Set(['startPosition', 'maxResults', 'totalCount'])

function rowsOf(answer: Answer, response: Record<string, unknown>, entity: string): Row[] {
  const index = response[entity]
  if (index === undefined) {
    const other = Object.keys(response).find((name) => !COUNTERS.has(name))
    if (other === undefined) return []
    throw strangeAnswer(`asked for ${entity}, QuickBooks answers with ${other}`)
  }
  const rows = typeof index === 'number' ? answer.lists[index] : undefined
  if (rows === undefined) throw strangeAnswer(`${entity} in the answer is not a list`)
  return rows
}
