import { type Entity, findEntity } from './catalogue.ts'
import { customerId, peekCustomer, renderCustomer } from './customer.ts'
import { createHistory, laterTime } from './history.ts'
import { invoiceId, peekInvoice, renderInvoice } from './invoice.ts'
import { itemId, peekItem, renderItem } from './item.ts'
import { hash } from './random.ts'
import type { Setting } from './setting.ts'
import { addSlot, createTable, inactive, orderRows, type Table, voided } from './table.ts'

export type GenerateOptions = {
  seed: number
  invoices: number
  customers: number
  items: number
  /** Epoch seconds, inclusive and exclusive. */
  from: number
  to: number
  /** How many rows share one second in a burst, and how many bursts there are. */
  burst: number
  bursts: number
  multicurrency: boolean
}

/** How an entity is made: Ids, text, cheap values. */
export type Maker = {
  id: (slot: number) => number
  render: (slot: number) => string
  peek: (slot: number, path: string) => string | undefined
}

/** The makers of the three generated entities for one table each. */
export function makerOf(entity: Entity, table: Table, setting: Setting): Maker {
  const { seed } = setting
  if (entity.name === 'Invoice') {
    return {
      id: (slot) => invoiceId(seed, slot),
      render: (slot) => renderInvoice(table, setting, slot),
      peek: (slot, path) => peekInvoice(table, setting, slot, path),
    }
  }
  if (entity.name === 'Customer') {
    return {
      id: (slot) => customerId(seed, slot),
      render: (slot) => renderCustomer(table, setting, slot),
      peek: (slot, path) => peekCustomer(table, seed, slot, path),
    }
  }
  return {
    id: itemId,
    render: (slot) => renderItem(table, setting, slot),
    peek: (slot, path) => peekItem(table, seed, slot, path),
  }
}

function fill(table: Table, maker: Maker, count: number, salt: number, options: GenerateOptions) {
  const { from, to } = options
  const seed = hash(options.seed, salt)
  const history = createHistory(seed, from, to)
  for (let n = 0; n < count; n++) {
    const slot = addSlot(table, maker.id(n))
    const created = history.at(n, count)
    const number = hash(seed, 81, n)
    const touched = number % 100 < 60
    table.created[slot] = created
    table.updated[slot] = touched ? laterTime(seed, n, created, to) : created
    // Payments, mails and balances move LastUpdatedTime but not SyncToken.
    table.syncTokens[slot] = touched && (number >>> 8) % 2 === 0 ? 1 + ((number >>> 9) % 4) : 0
    if (table.entity.kind === 'transactions') {
      if (number % 67 === 1 && touched) {
        table.flags[slot] = voided
        table.syncTokens[slot] = Math.max(table.syncTokens[slot] as number, 1)
      }
    } else if (number % 23 === 1) {
      table.flags[slot] = inactive
      table.syncTokens[slot] = Math.max(table.syncTokens[slot] as number, 1)
    }
  }
}

// An import writes many rows in one second; so does a bulk edit of rows from different years.
function makeBursts(table: Table, count: number, options: GenerateOptions): void {
  const size = Math.min(
    options.burst,
    table.entity.kind === 'transactions' ? count : Math.floor(count / 5),
  )
  for (let burst = 0; burst < options.bursts && size > 1; burst++) {
    const share = (burst + 1) / (options.bursts + 1)
    const start = Math.min(Math.floor(count * share), count - size)
    if (burst % 2 === 0) {
      const second = table.created[start] as number
      for (let slot = start; slot < start + size; slot++) {
        table.created[slot] = second
        table.updated[slot] = second
      }
      continue
    }
    const stride = Math.max(Math.floor((start + size) / size), 1)
    const second = Math.max((table.created[start + size - 1] as number) + 3600, options.from)
    for (let n = 0; n < size; n++) {
      const slot = n * stride
      if ((table.created[slot] as number) <= second && second < options.to)
        table.updated[slot] = second
    }
  }
}

/** Generates the tables of Invoice, Customer and Item: same options, same rows, digit for digit. */
export function generateTables(options: GenerateOptions): { tables: Table[]; setting: Setting } {
  const { seed, customers, items, multicurrency, from } = options
  const setting: Setting = { seed, customers, items, multicurrency, from }
  const sizes = [
    ['Customer', customers],
    ['Item', items],
    ['Invoice', options.invoices],
  ] as const
  const tables = sizes.map(([name, count], index) => {
    const entity = findEntity(name) as Entity
    const table = createTable(entity, count + 64)
    const maker = makerOf(entity, table, setting)
    table.render = maker.render
    table.peek = maker.peek
    if (count > 0) {
      fill(table, maker, count, index, options)
      makeBursts(table, count, options)
    }
    orderRows(table)
    return table
  })
  return { tables, setting }
}
