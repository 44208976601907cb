import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { type Entity, findEntity } from './catalogue.ts'
import { type Json, member, plain, readJson, writeJson } from './json.ts'
import { readTime } from './pacific.ts'
import { addSlot, createTable, inactive, orderRows, type Table } from './table.ts'

type Row = { id: number; updated: number; created: number; row: Map<string, Json> }

function isRow(value: Json): value is Map<string, Json> {
  return value instanceof Map && /^\d+$/.test(plain(value.get('Id')) ?? '')
}

/** The entity that a bare row looks like, undefined when it could be several. */
function guessEntity(row: Map<string, Json>, file: string): string | undefined {
  const name = basename(file, '.json').toLowerCase()
  for (const guess of [name, name.replace(/s$/, ''), name.replace(/ies$/, 'y')])
    if (findEntity(guess)) return guess
  const has = (...keys: string[]) => keys.every((key) => row.has(key))
  if (has('Line', 'CustomerRef', 'DueDate')) return 'Invoice'
  if (has('DisplayName', 'BalanceWithJobs')) return 'Customer'
  if (has('Name', 'Type') && (has('TrackQtyOnHand') || has('IncomeAccountRef'))) return 'Item'
  return undefined
}

function collect(value: Json, file: string, add: (entity: Entity, row: Map<string, Json>) => void) {
  if (Array.isArray(value)) {
    for (const row of value.filter(isRow)) {
      const entity = findEntity(guessEntity(row, file) ?? '')
      if (entity) add(entity, row)
    }
    return
  }
  if (!(value instanceof Map)) return
  const inner = value.get('QueryResponse')
  if (inner instanceof Map) {
    collect(inner, file, add)
    return
  }
  let named = false
  for (const [key, child] of value) {
    const entity = findEntity(key)
    const rows = Array.isArray(child) ? child.filter(isRow) : isRow(child) ? [child] : []
    if (!entity || entity.name !== key || rows.length === 0) continue
    named = true
    for (const row of rows) add(entity, row)
  }
  if (!named && isRow(value)) collect([value], file, add)
}

function jsonFiles(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const path = join(folder, name)
      if (statSync(path).isDirectory()) return jsonFiles(path)
      return name.endsWith('.json') ? [path] : []
    })
}

function seconds(row: Map<string, Json>, path: string): number {
  const time = readTime(plain(member(row, path)) ?? '')
  return time === undefined ? 0 : Math.floor(time / 1000)
}

function fillTable(entity: Entity, rows: Map<number, Row>): Table {
  const table = createTable(entity, rows.size + 64)
  for (const { id, updated, created, row } of [...rows.values()].sort((a, b) => a.id - b.id)) {
    const slot = addSlot(table, id)
    table.updated[slot] = updated
    table.created[slot] = created
    table.syncTokens[slot] = Number(plain(row.get('SyncToken')) ?? 0)
    table.flags[slot] = row.get('Active') === 'false' ? inactive : 0
    table.texts.set(slot, writeJson(row))
  }
  orderRows(table)
  return table
}

/**
 * Reads every *.json under a folder: query answers, single objects, bare arrays. Scalars keep the
 * characters that the file has. Of rows with one Id the newest LastUpdatedTime stays. Throws when
 * the folder cannot be read; a file that is not JSON is an error that names it.
 */
export function readRecorded(folder: string): Table[] {
  const found = new Map<Entity, Map<number, Row>>()
  for (const file of jsonFiles(folder)) {
    let value: Json
    try {
      value = readJson(readFileSync(file, 'utf8'))
    } catch (error) {
      throw new Error(`${file}: ${error instanceof Error ? error.message : String(error)}`)
    }
    collect(value, file, (entity, row) => {
      const id = Number(plain(row.get('Id')))
      const updated = seconds(row, 'MetaData.LastUpdatedTime')
      const rows = found.get(entity) ?? new Map<number, Row>()
      found.set(entity, rows)
      const known = rows.get(id)
      if (plain(row.get('status')) === 'Deleted' || (known && known.updated > updated)) return
      rows.set(id, { id, updated, created: seconds(row, 'MetaData.CreateTime'), row })
    })
  }
  return [...found].map(([entity, rows]) => fillTable(entity, rows))
}
