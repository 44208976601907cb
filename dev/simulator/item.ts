import { decimal } from './decimal.ts'
import { adjectives, goods, works } from './names.ts'
import { pacificDay, pacificSeconds } from './pacific.ts'
import { hash } from './random.ts'
import { reference, type Setting } from './setting.ts'
import { inactive, type Table } from './table.ts'

export type ItemType = 'Category' | 'Service' | 'Inventory' | 'NonInventory' | 'Group'

/** Some Ids are missing, as in a company that has merged items. */
export function itemId(slot: number): number {
  return slot + 1 + Math.floor(slot / 9)
}

/** The five types that QuickBooks Online uses; each dozen of items opens with a category. */
export function itemType(seed: number, slot: number): ItemType {
  const first: ItemType[] = ['Category', 'Service', 'Inventory', 'NonInventory', 'Group']
  const fixed = first[slot % 12]
  if (fixed) return fixed
  const number = hash(seed, 31, slot) % 100
  return number < 40
    ? 'Service'
    : number < 70
      ? 'Inventory'
      : number < 94
        ? 'NonInventory'
        : 'Group'
}

function categorySlot(seed: number, slot: number): number | undefined {
  if (slot % 12 === 0) return slot % 48 === 12 ? slot - 12 : undefined
  return hash(seed, 32, slot) % 3 === 0 ? undefined : slot - (slot % 12)
}

/** Name while the item is active. */
export function itemName(seed: number, slot: number): string {
  if (slot % 12 === 0) return `${goods[(slot / 12) % goods.length]} range ${slot / 12 + 1}`
  const type = itemType(seed, slot)
  const round = Math.floor(slot / 200)
  const list = type === 'Service' ? works : goods
  const base = `${adjectives[hash(seed, 33, slot) % adjectives.length]} ${list[slot % list.length]}`
  return `${base} ${type === 'Group' ? 'Kit ' : ''}${round === 0 ? `#${slot}` : `No. ${slot}`}`
}

function qualifiedName(seed: number, slot: number): string {
  const category = categorySlot(seed, slot)
  const name = itemName(seed, slot)
  return category === undefined ? name : `${qualifiedName(seed, category)}:${name}`
}

/** Sales price in units of 10^-7: whole, halves, cents, and seven decimals. */
export function itemPrice(seed: number, slot: number): number {
  const number = hash(seed, 34, slot)
  const whole = (number >>> 3) % 400
  switch (number % 6) {
    case 0:
    case 1:
      return whole * 1e7
    case 2:
      return whole * 1e7 + 5e6
    case 3:
      return whole * 1e7 + (number % 100) * 1e5
    case 4:
      return whole * 1e6 + (number % 10_000) * 1e3
    default:
      return (number % 9_999_999) + 1
  }
}

/** What a kit holds: up to three items before it, none of them a category or a kit. */
export function kitParts(seed: number, slot: number): { slot: number; quantity: number }[] {
  const parts = []
  for (let other = slot - 1; other >= 0 && parts.length < 3; other--) {
    const type = itemType(seed, other)
    if (type === 'Category' || type === 'Group') continue
    parts.push({ slot: other, quantity: 1 + (hash(seed, 35, other) % 4) })
  }
  return parts
}

/** Income account of an item. */
export function incomeAccount(seed: number, slot: number): string {
  return itemType(seed, slot) === 'Service'
    ? reference(45, 'Landscaping Services')
    : reference(79, 'Landscaping Services:Sales of Product Income')
}

function names(table: Table, seed: number, slot: number): { name: string; qualified: string } {
  const off = ((table.flags[slot] as number) & inactive) !== 0
  const suffix = off ? ' (deleted)' : ''
  return { name: itemName(seed, slot) + suffix, qualified: qualifiedName(seed, slot) + suffix }
}

/** Cheap values of an item for filters and orders. */
export function peekItem(table: Table, seed: number, slot: number, path: string) {
  if (path === 'FullyQualifiedName') return names(table, seed, slot).qualified
  if (path === 'Name') return names(table, seed, slot).name
  return path === 'Type' ? itemType(seed, slot) : undefined
}

/** The item's JSON text. */
export function renderItem(table: Table, setting: Setting, slot: number): string {
  const { seed } = setting
  const type = itemType(seed, slot)
  const number = hash(seed, 36, slot)
  const edits = table.edits[slot] as number
  const { name, qualified } = names(table, seed, slot)
  const category = categorySlot(seed, slot)
  const priced = type !== 'Category' && type !== 'Group'
  let text = `{"Name":${JSON.stringify(name)}`
  if (type !== 'Category' && number % 5 < 4)
    text += `,"Description":${JSON.stringify(`${itemName(seed, slot)}, best "quality"`)}`
  text += `,"Active":${((table.flags[slot] as number) & inactive) === 0}`
  text += `,"FullyQualifiedName":${JSON.stringify(qualified)}`
  if (category !== undefined) {
    const level = categorySlot(seed, category) === undefined ? 1 : 2
    text += `,"SubItem":true,"ParentRef":${reference(itemId(category), itemName(seed, category))}`
    text += `,"Level":${level}`
  }
  if (priced) {
    const price = itemPrice(seed, slot) + edits * 2.5e6
    text += `,"Taxable":${type !== 'Service'},"UnitPrice":${decimal(price, 7)}`
  }
  text += `,"Type":"${type}"`
  if (priced) {
    text += `,"IncomeAccountRef":${incomeAccount(seed, slot)}`
    if (type === 'Inventory') text += `,"PurchaseDesc":${JSON.stringify(itemName(seed, slot))}`
    const cost = Math.round((itemPrice(seed, slot) * 0.6) / 1e5) * 1e5
    text += `,"PurchaseCost":${decimal(number % 3 === 0 ? 0 : cost, 7)}`
  }
  if (type === 'Inventory') {
    text += `,"ExpenseAccountRef":${reference(80, 'Cost of Goods Sold')}`
    text += `,"AssetAccountRef":${reference(81, 'Inventory Asset')}`
  }
  if (type === 'Group') {
    const lines = kitParts(seed, slot).map(
      (part) =>
        `{"ItemRef":${reference(itemId(part.slot), itemName(seed, part.slot))},"Qty":${part.quantity}}`,
    )
    text += `,"PrintGroupedItems":${number % 2 === 0},"ItemGroupDetail":{"ItemGroupLine":[${lines}]}`
  }
  if (number % 6 === 0 && priced) text += `,"Sku":"SKU-${String(slot).padStart(5, '0')}"`
  text += `,"TrackQtyOnHand":${type === 'Inventory'}`
  if (type === 'Inventory') {
    // Stock moves when transactions use the item: LastUpdatedTime steps, SyncToken does not.
    const stock = (hash(seed, 37, slot, table.updated[slot] as number) % 4000) - 100
    text += `,"QtyOnHand":${decimal(stock * (number % 7 === 0 ? 5 : 10), 1)}`
    text += `,"InvStartDate":"${pacificDay(table.created[slot] as number)}"`
  }
  text += `,"domain":"QBO","sparse":false,"Id":"${table.ids[slot]}"`
  text += `,"SyncToken":"${table.syncTokens[slot]}"`
  text += `,"MetaData":{"CreateTime":"${pacificSeconds(table.created[slot] as number)}"`
  return `${text},"LastUpdatedTime":"${pacificSeconds(table.updated[slot] as number)}"}}`
}
