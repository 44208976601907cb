import type { Entity } from './catalogue.ts'
import { pacificSeconds } from './pacific.ts'
import { firstUpdatedAt, rowText, type Table } from './table.ts'

export type CdcSwitches = {
  /** Most objects in one answer. */
  cdcCap: number
  /** Whether the cap is for the answer or for each entity in it. */
  cdcCapPer: 'total' | 'entity'
  /** How long deletions are remembered. */
  cdcDeletedDays: number
}

/** A deleted object as change data capture shows it: no SyncToken, no business members. */
export function deletedText(id: number, at: number): string {
  return (
    `{"domain":"QBO","status":"Deleted","Id":"${id}",` +
    `"MetaData":{"LastUpdatedTime":"${pacificSeconds(at)}"}}`
  )
}

type Change = { at: number; id: number; text: () => string; deleted: boolean }

function changesOf(table: Table, since: number, oldest: number): Change[] {
  const changes: Change[] = []
  for (let place = firstUpdatedAt(table, since); place < table.live; place++) {
    const slot = table.order[place] as number
    changes.push({
      at: table.updated[slot] as number,
      id: table.ids[slot] as number,
      text: () => rowText(table, slot),
      deleted: false,
    })
  }
  const kept = changes.length
  for (const { id, at } of table.deleted) {
    if (at >= since && at >= oldest)
      changes.push({ at, id, text: () => deletedText(id, at), deleted: true })
  }
  if (changes.length > kept) changes.sort((a, b) => a.at - b.at || b.id - a.id)
  return changes
}

export type CdcAnswer = { text: string; rows: number }

/**
 * The CDCResponse: a block for each entity in the order asked, objects by LastUpdatedTime ascending,
 * cut at the cap without a sign. `since` and `now` are epoch seconds.
 */
export function changeDataCapture(
  asked: { entity: Entity; table: Table | undefined }[],
  since: number,
  now: number,
  switches: CdcSwitches,
): CdcAnswer {
  const oldest = now - switches.cdcDeletedDays * 86_400
  let room = switches.cdcCap
  let rows = 0
  const blocks = asked.map(({ entity, table }) => {
    const all = table ? changesOf(table, since, oldest) : []
    if (switches.cdcCapPer === 'entity') room = switches.cdcCap
    const changes = all.slice(0, room)
    room -= changes.length
    rows += changes.length
    if (changes.length === 0) return '{}'
    const start = changes.every(({ deleted }) => deleted) ? '' : '"startPosition":1,'
    const total = entity.totalCount ? `,"totalCount":${changes.length}` : ''
    const texts = changes.map(({ text }) => text())
    return `{"${entity.name}":[${texts.join(',')}],${start}"maxResults":${changes.length}${total}}`
  })
  return { text: `{"CDCResponse":[{"QueryResponse":[${blocks.join(',')}]}]`, rows }
}
