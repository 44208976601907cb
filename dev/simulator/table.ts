import type { Entity } from './catalogue.ts'

/** Bits of a row's `flags`. */
export const voided = 1
export const inactive = 2
export const gone = 4

/**
 * Rows as columns: a million of them cost some 25 MB, because a row's text is rendered when it is
 * asked for. A slot is a row's place; slots ascend with Ids.
 */
export type Table = {
  entity: Entity
  /** Slots in use, deleted rows included. */
  size: number
  ids: Float64Array
  /** Epoch seconds. */
  created: Uint32Array
  /** LastUpdatedTime in epoch seconds. */
  updated: Uint32Array
  syncTokens: Uint16Array
  /** How often the content was edited; feeds the renderer. */
  edits: Uint16Array
  flags: Uint8Array
  /** Slots of the rows that exist, by LastUpdatedTime ascending, equal seconds by Id descending. */
  order: Uint32Array
  live: number
  /** Rows whose text is given (recorded, or edited in a way that no renderer knows). */
  texts: Map<number, string>
  /** Deleted and merged rows, oldest deletion first. `at` is epoch seconds. */
  deleted: { id: number; at: number }[]
  /** Steps whenever a name may have changed. */
  namesVersion: number
  /** The text of a row that has none given; undefined in tables of recorded rows. */
  render: ((slot: number) => string) | undefined
  /** Cheap values of a generated row by path, without rendering it. */
  peek: ((slot: number, path: string) => string | undefined) | undefined
}

/** An empty table with room for `capacity` rows. */
export function createTable(entity: Entity, capacity: number): Table {
  const room = Math.max(capacity, 16)
  return {
    entity,
    size: 0,
    ids: new Float64Array(room),
    created: new Uint32Array(room),
    updated: new Uint32Array(room),
    syncTokens: new Uint16Array(room),
    edits: new Uint16Array(room),
    flags: new Uint8Array(room),
    order: new Uint32Array(room),
    live: 0,
    texts: new Map(),
    deleted: [],
    namesVersion: 0,
    render: undefined,
    peek: undefined,
  }
}

function grow(table: Table): void {
  const room = Math.ceil(table.ids.length * 1.5)
  const widen = <Column extends { set(from: Column): void }>(wide: Column, old: Column) => {
    wide.set(old)
    return wide
  }
  table.ids = widen(new Float64Array(room), table.ids)
  table.created = widen(new Uint32Array(room), table.created)
  table.updated = widen(new Uint32Array(room), table.updated)
  table.syncTokens = widen(new Uint16Array(room), table.syncTokens)
  table.edits = widen(new Uint16Array(room), table.edits)
  table.flags = widen(new Uint8Array(room), table.flags)
  table.order = widen(new Uint32Array(room), table.order)
}

/** Takes the next slot for an Id above all others; the row is not in the order yet. */
export function addSlot(table: Table, id: number): number {
  if (table.size === table.ids.length) grow(table)
  const slot = table.size++
  table.ids[slot] = id
  return slot
}

/** Orders all rows at once, after the columns were filled. */
export function orderRows(table: Table): void {
  // One double holds both keys: seconds up to 2^31, slots up to 2^22.
  const most = 2 ** 22
  const keys = new Float64Array(table.size)
  for (let slot = 0; slot < table.size; slot++)
    keys[slot] = (table.updated[slot] as number) * most + (most - 1 - slot)
  keys.sort()
  table.live = 0
  for (let at = 0; at < keys.length; at++) {
    const slot = most - 1 - ((keys[at] as number) % most)
    if (((table.flags[slot] as number) & gone) === 0) table.order[table.live++] = slot
  }
}

/** The first place in the order whose row was updated at `seconds` or later. */
export function firstUpdatedAt(table: Table, seconds: number): number {
  let [low, high] = [0, table.live]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((table.updated[table.order[middle] as number] as number) < seconds) low = middle + 1
    else high = middle
  }
  return low
}

function placeOf(table: Table, slot: number): number {
  const seconds = table.updated[slot] as number
  let [low, high] = [firstUpdatedAt(table, seconds), firstUpdatedAt(table, seconds + 1)]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((table.order[middle] as number) > slot) low = middle + 1
    else high = middle
  }
  return low
}

/** Puts a row that is not in the order into it. */
export function insertInOrder(table: Table, slot: number): void {
  const place = placeOf(table, slot)
  table.order.copyWithin(place + 1, place, table.live)
  table.order[place] = slot
  table.live++
}

/** Takes a row out of the order. */
export function removeFromOrder(table: Table, slot: number): void {
  const place = placeOf(table, slot)
  table.order.copyWithin(place, place + 1, table.live)
  table.live--
}

/** Moves a row to another LastUpdatedTime. */
export function setUpdated(table: Table, slot: number, seconds: number): void {
  removeFromOrder(table, slot)
  table.updated[slot] = seconds
  insertInOrder(table, slot)
}

/** The slot of a row that exists, undefined when there is none of that Id. */
export function findSlot(table: Table, id: number): number | undefined {
  let [low, high] = [0, table.size]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((table.ids[middle] as number) < id) low = middle + 1
    else high = middle
  }
  if (low === table.size || table.ids[low] !== id) return undefined
  return ((table.flags[low] as number) & gone) === 0 ? low : undefined
}

/** The row's JSON text, exactly as it is served. */
export function rowText(table: Table, slot: number): string {
  const text = table.texts.get(slot) ?? table.render?.(slot)
  if (text === undefined) throw new Error(`${table.entity.name} slot ${slot} has no text`)
  return text
}

/** True when the row is not made inactive. */
export function isActive(table: Table, slot: number): boolean {
  return ((table.flags[slot] as number) & inactive) === 0
}
