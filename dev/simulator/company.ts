import { type Entity, findEntity } from './catalogue.ts'
import type { Clock } from './clock.ts'
import { makerOf } from './generate.ts'
import { type Json, readJson, writeJson } from './json.ts'
import { pacificSeconds, readTime } from './pacific.ts'
import type { Setting } from './setting.ts'
import {
  addSlot,
  createTable,
  findSlot,
  gone,
  inactive,
  insertInOrder,
  orderRows,
  removeFromOrder,
  rowText,
  setUpdated,
  type Table,
  voided,
} from './table.ts'
import { voidText } from './void.ts'

/** What an insert may say about its row. */
export type Insert = {
  /** Members to set, values as JSON values; or, to keep digits, as JSON text in `setText`. */
  set?: Record<string, unknown>
  setText?: Record<string, string>
  /** The whole row as JSON text; Id, SyncToken and MetaData are put in. */
  text?: string
  /** Times other than now: an older LastUpdatedTime makes a row that becomes visible late. */
  createTime?: string
  lastUpdatedTime?: string
}

export type Company = {
  tables: Map<string, Table>
  /** A row's JSON text as served; undefined when there is no such row. */
  text(entity: string, id: string): string | undefined
  /** Ids of the rows that exist, by LastUpdatedTime as QuickBooks orders them. */
  ids(entity: string): string[]
  /** Changes content, SyncToken and LastUpdatedTime. */
  edit(entity: string, id: string, change?: Pick<Insert, 'set' | 'setText'>): void
  /** Moves LastUpdatedTime only, as a balance, a payment or an e-mail does. */
  touch(entity: string, id: string): void
  /** Adds a row and gives its Id. */
  insert(entity: string, insert?: Insert): string
  /** Voids a transaction: amounts 0, PrivateNote "Voided". */
  void(entity: string, id: string): void
  /** Makes a name inactive; it gets the suffix " (deleted)". */
  deactivate(entity: string, id: string): void
  reactivate(entity: string, id: string): void
  /** Deletes a transaction; change data capture tells it for a while. */
  delete(entity: string, id: string): void
  /** Merges a name into another: the loser vanishes, the winner is edited. */
  merge(entity: string, loserId: string, winnerId: string): void
}

function requireEntity(name: string): Entity {
  const entity = findEntity(name)
  if (!entity) throw new RangeError(`no entity is called ${name}`)
  return entity
}

function changeText(text: string, set: Map<string, Json>): string {
  const row = readJson(text) as Map<string, Json>
  for (const [key, value] of set) row.set(key, value)
  return writeJson(row)
}

function changesOf(change: Pick<Insert, 'set' | 'setText'> | undefined): Map<string, Json> {
  const changes = new Map<string, Json>()
  for (const [key, value] of Object.entries(change?.set ?? {}))
    changes.set(key, readJson(JSON.stringify(value)))
  for (const [key, text] of Object.entries(change?.setText ?? {})) changes.set(key, readJson(text))
  return changes
}

/** A company over tables that change by the simulator's clock. */
export function createCompany(given: Table[], setting: Setting, clock: Clock): Company {
  const tables = new Map(given.map((table) => [table.entity.name, table]))
  const now = () => Math.floor(clock.now() / 1000)

  function tableOf(name: string): Table {
    const entity = requireEntity(name)
    let table = tables.get(entity.name)
    if (!table) {
      table = createTable(entity, 16)
      tables.set(entity.name, table)
    }
    return table
  }

  function place(entity: string, id: string): { table: Table; slot: number } {
    const table = tableOf(entity)
    const slot = findSlot(table, Number(id))
    if (slot === undefined) throw new RangeError(`there is no ${table.entity.name} ${id}`)
    return { table, slot }
  }

  // A row whose text is given carries its state in that text, so the text must follow the columns.
  function restamp(table: Table, slot: number): void {
    const text = table.texts.get(slot)
    if (text === undefined) return
    const row = readJson(text) as Map<string, Json>
    const meta = (row.get('MetaData') ?? new Map()) as Map<string, Json>
    row.set('Id', `"${table.ids[slot]}"`)
    row.set('SyncToken', `"${table.syncTokens[slot]}"`)
    if (!meta.has('CreateTime'))
      meta.set('CreateTime', `"${pacificSeconds(table.created[slot] as number)}"`)
    meta.set('LastUpdatedTime', `"${pacificSeconds(table.updated[slot] as number)}"`)
    row.set('MetaData', meta)
    table.texts.set(slot, writeJson(row))
  }

  function stamp(table: Table, slot: number, step: boolean): void {
    if (step) table.syncTokens[slot] = (table.syncTokens[slot] as number) + 1
    setUpdated(table, slot, now())
    table.namesVersion++
    restamp(table, slot)
  }

  function rename(table: Table, slot: number, change: (name: string) => string, active: string) {
    const text = table.texts.get(slot)
    if (text === undefined) return
    const row = readJson(text) as Map<string, Json>
    row.set('Active', active)
    for (const key of ['Name', 'DisplayName', 'FullyQualifiedName']) {
      const name = row.get(key)
      if (typeof name === 'string') row.set(key, JSON.stringify(change(JSON.parse(name) as string)))
    }
    table.texts.set(slot, writeJson(row))
  }

  function remove(table: Table, slot: number): void {
    removeFromOrder(table, slot)
    table.flags[slot] = (table.flags[slot] as number) | gone
    table.texts.delete(slot)
    table.deleted.push({ id: table.ids[slot] as number, at: now() })
    table.namesVersion++
  }

  function secondsOf(text: string | undefined): number | undefined {
    if (text === undefined) return undefined
    const time = readTime(text)
    if (time === undefined) throw new RangeError(`not a time: ${text}`)
    return Math.floor(time / 1000)
  }

  function insert(name: string, given: Insert = {}): string {
    const table = tableOf(name)
    const last = table.size === 0 ? 0 : (table.ids[table.size - 1] as number)
    const made = table.render ? makerOf(table.entity, table, setting).id(table.size) : last + 1
    const template = table.render ? undefined : [...table.texts.values()].at(-1)
    const slot = addSlot(table, Math.max(made, last + 1))
    const updated = secondsOf(given.lastUpdatedTime) ?? now()
    table.created[slot] = secondsOf(given.createTime) ?? Math.min(updated, now())
    table.updated[slot] = updated
    const text =
      given.text ?? (table.render ? undefined : (template ?? '{"domain":"QBO","sparse":false}'))
    if (text !== undefined)
      table.texts.set(slot, changeText(text, new Map([['MetaData', new Map()]])))
    const changes = changesOf(given)
    if (changes.size > 0) table.texts.set(slot, changeText(rowText(table, slot), changes))
    restamp(table, slot)
    insertInOrder(table, slot)
    table.namesVersion++
    return String(table.ids[slot])
  }

  const company: Company = {
    tables,
    text(entity, id) {
      const table = tableOf(entity)
      const slot = findSlot(table, Number(id))
      return slot === undefined ? undefined : rowText(table, slot)
    },
    ids(entity) {
      const table = tableOf(entity)
      return Array.from(table.order.subarray(0, table.live), (slot) => String(table.ids[slot]))
    },
    edit(entity, id, change) {
      const { table, slot } = place(entity, id)
      const changes = changesOf(change)
      table.edits[slot] = (table.edits[slot] as number) + 1
      if (changes.size > 0) table.texts.set(slot, changeText(rowText(table, slot), changes))
      else if (table.texts.has(slot)) {
        const note = new Map([['PrivateNote', `"Edited ${table.edits[slot]} times"`]])
        table.texts.set(slot, changeText(rowText(table, slot), note))
      }
      stamp(table, slot, true)
    },
    touch(entity, id) {
      const { table, slot } = place(entity, id)
      stamp(table, slot, false)
    },
    insert,
    void(entity, id) {
      const { table, slot } = place(entity, id)
      if (table.entity.kind !== 'transactions') throw new RangeError('only transactions are voided')
      table.flags[slot] = (table.flags[slot] as number) | voided
      const text = table.texts.get(slot)
      if (text !== undefined) table.texts.set(slot, voidText(text))
      stamp(table, slot, true)
    },
    deactivate(entity, id) {
      const { table, slot } = place(entity, id)
      if (!table.entity.active) throw new RangeError(`${entity} cannot be made inactive`)
      table.flags[slot] = (table.flags[slot] as number) | inactive
      rename(table, slot, (name) => `${name.replace(/ \(deleted\)$/, '')} (deleted)`, 'false')
      stamp(table, slot, true)
    },
    reactivate(entity, id) {
      const { table, slot } = place(entity, id)
      table.flags[slot] = (table.flags[slot] as number) & ~inactive
      rename(table, slot, (name) => name.replace(/ \(deleted\)$/, ''), 'true')
      stamp(table, slot, true)
    },
    delete(entity, id) {
      const { table, slot } = place(entity, id)
      if (table.entity.kind === 'names')
        throw new RangeError('names cannot be deleted, only made inactive or merged')
      remove(table, slot)
    },
    merge(entity, loserId, winnerId) {
      const loser = place(entity, loserId)
      if (loser.table.entity.kind !== 'names') throw new RangeError('only names are merged')
      place(entity, winnerId)
      remove(loser.table, loser.slot)
      company.edit(entity, winnerId)
    },
  }
  for (const table of given) if (table.live === 0 && table.size > 0) orderRows(table)
  return company
}
