import { arrayElements, lastMember, objectMembers } from '@singer-io-ts/core'
import type { Answer } from './client.ts'
import { QuickbooksError } from './errors.ts'
import { toUtc } from './instant.ts'

/** An object as QuickBooks sent it. */
export type Row = {
  id: string
  /** MetaData.LastUpdatedTime in epoch seconds. */
  at: number
  /** The exact JSON text. */
  text: string
  /** Change data capture marks what was deleted. */
  isDeleted: boolean
}

/** The rows of one entity in a query's answer; none when QuickBooks says there are none. */
export function readQueryRows(answer: Answer, entity: string): Row[] {
  const response = answer.json.QueryResponse as Record<string, unknown>
  const at = lastMember(objectMembers(answer.body).members, 'QueryResponse')
  return readResponse(answer.body, response, at?.start ?? 0, entity)
}

/** The rows of each entity in an answer of change data capture, in the order of `entities`. */
export function readChangedRows(answer: Answer, entities: readonly string[]): Row[][] {
  const { body, json } = answer
  const rows = entities.map((): Row[] => [])
  const lists = json.CDCResponse as { QueryResponse?: Record<string, unknown>[] }[]
  const outer = arrayElements(body, lastMember(objectMembers(body).members, 'CDCResponse')?.start)
  outer.elements.forEach((element, index) => {
    const member = lastMember(objectMembers(body, element.start).members, 'QueryResponse')
    if (member === undefined) return
    arrayElements(body, member.start).elements.forEach((span, place) => {
      const response = lists[index]?.QueryResponse?.[place] ?? {}
      entities.forEach((entity, position) => {
        if (!(entity in response)) return
        rows[position]?.push(...readResponse(body, response, span.start, entity))
      })
    })
  })
  return rows
}

/** The answer's own time in UTC. */
export function answerTime(answer: Answer): string | undefined {
  return typeof answer.json.time === 'string' ? toUtc(answer.json.time) : undefined
}

const COUNTERS = new Set(['startPosition', 'maxResults', 'totalCount'])

function readResponse(
  body: string,
  response: Record<string, unknown>,
  start: number,
  entity: string,
): Row[] {
  const list = response[entity]
  if (list === undefined) {
    const other = Object.keys(response).find((name) => !COUNTERS.has(name))
    if (other === undefined) return []
    throw new QuickbooksError(`asked for ${entity}, QuickBooks answers with ${other}`, {})
  }
  if (!Array.isArray(list)) throw new QuickbooksError(`${entity} in the answer is not a list`, {})
  const at = lastMember(objectMembers(body, start).members, entity)
  const spans = arrayElements(body, at?.start).elements
  return list.map((object: unknown, index) => {
    const span = spans[index] ?? { start: 0, end: 0 }
    return readRow(object, body.slice(span.start, span.end), entity)
  })
}

function readRow(object: unknown, text: string, entity: string): Row {
  const { Id, MetaData, status } = (object ?? {}) as {
    Id?: unknown
    MetaData?: { LastUpdatedTime?: unknown }
    status?: unknown
  }
  if (typeof Id !== 'string' || Id === '')
    throw new QuickbooksError(`a row of ${entity} has no Id`, {})
  const at = Math.floor(Date.parse(String(MetaData?.LastUpdatedTime)) / 1000)
  if (Number.isNaN(at))
    throw new QuickbooksError(`${entity} ${Id} has no MetaData.LastUpdatedTime`, {})
  return { id: Id, at, text, isDeleted: status === 'Deleted' }
}
