import type { Field } from './catalogue.ts'
import { type Json, member, plain, readJson, writeJson } from './json.ts'
import { readTime } from './pacific.ts'
import type { Condition, Order, Query } from './query.ts'
import { QueryFault } from './query-fault.ts'
import { firstUpdatedAt, isActive, rowText, type Table } from './table.ts'

export type Page = {
  /** Rows as JSON text, in order. */
  rows: string[]
  /** Slots of the rows. */
  slots: number[]
  startPosition: number
  /** Rows that match, over all pages; only counted for count(*). */
  count: number
}

type Test = (slot: number) => boolean
type Value = string | number | boolean | undefined

const lastUpdated = 'MetaData.LastUpdatedTime'
const columns = new Set(['Id', 'Active', 'MetaData.CreateTime', lastUpdated])

/** Reads properties of rows, taking a row's text apart at most once in a row of questions. */
function createReader(table: Table): (slot: number, field: Field) => Value {
  let parsedSlot = -1
  let parsed: Json | undefined
  const find = (slot: number, path: string): string | undefined => {
    if (!table.texts.has(slot)) {
      const cheap = table.peek?.(slot, path)
      if (cheap !== undefined) return cheap
    }
    if (parsedSlot !== slot) {
      parsed = readJson(rowText(table, slot))
      parsedSlot = slot
    }
    const found = member(parsed, path)
    // References compare by id, mail addresses by their address.
    return plain(found instanceof Map ? (found.get('value') ?? found.get('Address')) : found)
  }
  return (slot, field) => {
    if (field.path === 'Id') return table.ids[slot]
    if (field.path === lastUpdated) return (table.updated[slot] as number) * 1000
    if (field.path === 'MetaData.CreateTime') return (table.created[slot] as number) * 1000
    if (field.path === 'Active') return isActive(table, slot)
    const text = find(slot, field.path)
    if (text === undefined) return undefined
    if (field.kind === 'number') return Number(text)
    return field.kind === 'boolean' ? text === 'true' : text
  }
}

function operand(field: Field, text: string): Exclude<Value, undefined> {
  switch (field.kind) {
    case 'id':
    case 'number': {
      const number = Number(text)
      return Number.isNaN(number) ? -1 : number
    }
    case 'boolean':
      return text.toLowerCase() === 'true'
    case 'time': {
      const time = readTime(text)
      // The wording of this refusal is UNVERIFIED.
      if (time === undefined)
        throw new QueryFault('4001', `QueryValidationError: value ${text} is not a valid date time`)
      return time
    }
    case 'text':
      return text.toLowerCase()
    default:
      return text
  }
}

function likePattern(text: string): RegExp {
  const parts = text.split('%').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('[\\s\\S]*')}$`, 'i')
}

function compileTest(condition: Condition, read: (slot: number, field: Field) => Value): Test {
  const { field, operator, values } = condition
  const fold = field.kind === 'text'
  const value = (slot: number): Value => {
    const found = read(slot, field)
    return fold && typeof found === 'string' ? found.toLowerCase() : found
  }
  if (operator === 'like') {
    const pattern = likePattern(values[0] as string)
    return (slot) => {
      const found = read(slot, field)
      return found !== undefined && pattern.test(String(found))
    }
  }
  if (operator === 'in') {
    const wanted = new Set<Value>(values.map((text) => operand(field, text)))
    return (slot) => wanted.has(value(slot))
  }
  const right = operand(field, values[0] as string)
  const compare = (slot: number, accept: (order: number) => boolean) => {
    const left = value(slot)
    if (left === undefined) return false
    return accept(left < right ? -1 : left > right ? 1 : 0)
  }
  const accepts = {
    '=': (order: number) => order === 0,
    '<': (order: number) => order < 0,
    '>': (order: number) => order > 0,
    '<=': (order: number) => order <= 0,
    '>=': (order: number) => order >= 0,
  }
  return (slot) => compare(slot, accepts[operator])
}

// Conditions on LastUpdatedTime become a stretch of the order, found by halving.
function stretch(
  table: Table,
  where: Condition[],
): { low: number; high: number; rest: Condition[] } {
  let [low, high] = [0, table.live]
  const rest: Condition[] = []
  for (const condition of where) {
    const { field, operator, values } = condition
    if (field.path !== lastUpdated || operator === 'in' || operator === 'like') {
      rest.push(condition)
      continue
    }
    const seconds = (operand(field, values[0] as string) as number) / 1000
    const whole = Math.ceil(seconds)
    const above = Math.floor(seconds) + 1
    if (operator === '>=' || operator === '=') low = Math.max(low, firstUpdatedAt(table, whole))
    if (operator === '>') low = Math.max(low, firstUpdatedAt(table, above))
    if (operator === '<') high = Math.min(high, firstUpdatedAt(table, whole))
    if (operator === '<=' || operator === '=') high = Math.min(high, firstUpdatedAt(table, above))
  }
  return { low, high: Math.max(low, high), rest }
}

const nameOrders = new WeakMap<Table, { version: number; slots: number[] }>()

/** Slots by name, in plain character order: the order of unsorted name lists. */
function slotsByName(table: Table): number[] {
  const kept = nameOrders.get(table)
  if (kept?.version === table.namesVersion) return kept.slots
  const read = createReader(table)
  const path = table.entity.orderedBy
  const named: { slot: number; name: string }[] = []
  for (let at = 0; at < table.live; at++) {
    const slot = table.order[at] as number
    const name = read(slot, { path, kind: 'text', filter: true, sort: true })
    named.push({ slot, name: String(name ?? '') })
  }
  named.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.slot - b.slot))
  const slots = named.map(({ slot }) => slot)
  nameOrders.set(table, { version: table.namesVersion, slots })
  return slots
}

function sortSlots(slots: number[], orders: Order[], table: Table): number[] {
  const read = createReader(table)
  const keys = orders.map(({ field }) => {
    const values = new Map<number, Value>()
    for (const slot of slots) values.set(slot, read(slot, field))
    return values
  })
  return slots.sort((a, b) => {
    for (const [index, { descending }] of orders.entries()) {
      const [left, right] = [keys[index]?.get(a), keys[index]?.get(b)]
      if (left === right) continue
      const less = left === undefined || (right !== undefined && left < right)
      return less === descending ? 1 : -1
    }
    return a - b
  })
}

/** The matching slots in the order that QuickBooks gives, from `skip` on, `most` at most. */
function select(table: Table, query: Query, skip: number, most: number): number[] {
  const { entity, orderBy } = query
  const { low, high, rest } = stretch(table, query.where)
  const read = createReader(table)
  // What a column or a cheap value answers is asked before what needs the whole row.
  const cost = ({ field }: Condition) =>
    columns.has(field.path)
      ? 0
      : table.size > 0 && table.peek?.(0, field.path) !== undefined
        ? 1
        : 2
  const tests = rest
    .sort((a, b) => cost(a) - cost(b))
    .map((condition) => compileTest(condition, read))
  const asksActive = query.where.some(({ field }) => field.path === 'Active')
  if (entity.active && !asksActive) tests.unshift((slot) => isActive(table, slot))
  const passes = (slot: number) => tests.every((test) => test(slot))

  const first = orderBy[0]
  const byTime = orderBy.length === 1 && first?.field.path === lastUpdated
  const newestFirst = orderBy.length === 0 && entity.kind !== 'names'
  if (byTime || newestFirst) {
    const descending = newestFirst || first?.descending === true
    const at = (index: number) => table.order[descending ? high - 1 - index : low + index] as number
    if (tests.length === 0) {
      const end = Math.min(skip + most, high - low)
      return Array.from({ length: Math.max(end - skip, 0) }, (_, index) => at(skip + index))
    }
    const found: number[] = []
    for (let index = 0, seen = 0; index < high - low && found.length < most; index++) {
      const slot = at(index)
      if (passes(slot) && seen++ >= skip) found.push(slot)
    }
    return found
  }
  const wanted = new Set<number>()
  for (let index = low; index < high; index++) wanted.add(table.order[index] as number)
  const candidates = orderBy.length === 0 ? slotsByName(table) : [...wanted]
  const matching = candidates.filter((slot) => wanted.has(slot) && passes(slot))
  const sorted = orderBy.length === 0 ? matching : sortSlots(matching, orderBy, table)
  return sorted.slice(skip, skip + most)
}

/** Keeps the asked properties of a row, and what a sparse row always carries. */
function project(text: string, names: string[]): string {
  const row = readJson(text)
  const wanted = [...names, 'domain', 'sparse', 'Id'].map((name) => name.toLowerCase())
  const keep = (value: Json, prefix: string): Json | undefined => {
    if (!(value instanceof Map)) return undefined
    const kept = new Map<string, Json>()
    for (const [key, child] of value) {
      const path = `${prefix}${key}`.toLowerCase()
      if (wanted.includes(path)) kept.set(key, path === 'sparse' ? 'true' : child)
      else if (wanted.some((name) => name.startsWith(`${path}.`))) {
        const part = keep(child, `${prefix}${key}.`)
        if (part !== undefined) kept.set(key, part)
      }
    }
    return kept
  }
  return writeJson(keep(row, '') ?? row)
}

/** Evaluates a query anew over the table as it is now; undefined stands for an empty table. */
export function evaluate(table: Table | undefined, query: Query): Page {
  const empty = { rows: [], slots: [], startPosition: query.startPosition, count: 0 }
  if (!table) return empty
  if (query.select === 'count')
    return { ...empty, count: select(table, query, 0, Number.POSITIVE_INFINITY).length }
  const slots = select(table, query, query.startPosition - 1, query.maxResults)
  const { select: selected } = query
  const rows = slots.map((slot) => rowText(table, slot))
  return {
    ...empty,
    slots,
    rows: selected === 'all' ? rows : rows.map((row) => project(row, selected as string[])),
  }
}
