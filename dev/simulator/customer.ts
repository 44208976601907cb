import { money } from './decimal.ts'
import { cities, familyNames, givenNames, streets, trades } from './names.ts'
import { pacificSeconds } from './pacific.ts'
import { hash } from './random.ts'
import { type Currency, currencies, reference, type Setting } from './setting.ts'
import { inactive, type Table } from './table.ts'

const levels = 4

/** Customers share their Ids with vendors and employees, so there are gaps. */
export function customerId(seed: number, slot: number): number {
  return slot * 2 + 1 + (hash(seed, 11, slot) & 1)
}

/** The slot of a sub-customer's parent, undefined for a customer of the first level. */
export function parentSlot(seed: number, slot: number): number | undefined {
  if (slot < 3 || hash(seed, 12, slot) % 6 !== 0) return undefined
  const parent = slot - 1 - (hash(seed, 13, slot) % Math.min(slot, 40))
  let above: number | undefined = parent
  for (let level = 1; above !== undefined; level++) {
    if (level > levels) return undefined
    above = parentSlot(seed, above)
  }
  return parent
}

function isProject(seed: number, slot: number): boolean {
  return parentSlot(seed, slot) !== undefined && hash(seed, 14, slot) % 3 === 0
}

type Person = { given: string; family: string; company: string | undefined }

function personOf(seed: number, slot: number): Person {
  const given = givenNames[(slot * 7 + seed) % givenNames.length] as string
  const family = familyNames[Math.floor(slot / givenNames.length) % familyNames.length] as string
  if (hash(seed, 15, slot) % 10 >= 6) return { given, family, company: undefined }
  const place = (slot * 7) % (familyNames.length * trades.length)
  const trade = trades[place % trades.length] as string
  const house = familyNames[Math.floor(place / trades.length)] as string
  return { given, family, company: `${house} ${trade}` }
}

/** DisplayName while the customer is active: unique in the company. */
export function customerName(seed: number, slot: number): string {
  if (parentSlot(seed, slot) !== undefined) {
    const street = streets[hash(seed, 16, slot) % streets.length] as string
    return isProject(seed, slot) ? `Project ${slot} ${street}` : `${slot + 100} ${street}`
  }
  const { given, family, company } = personOf(seed, slot)
  const round = Math.floor(slot / (company === undefined ? 900 : 600))
  return `${company ?? `${given} ${family}`}${round === 0 ? '' : ` ${round + 1}`}`
}

function qualifiedName(seed: number, slot: number): string {
  const parent = parentSlot(seed, slot)
  const name = customerName(seed, slot)
  return parent === undefined ? name : `${qualifiedName(seed, parent)}:${name}`
}

/** The customer's one currency; sub-customers have their parent's. */
export function customerCurrency(setting: Setting, slot: number): Currency {
  const home = currencies[0] as Currency
  if (!setting.multicurrency) return home
  let top = slot
  for (let above = parentSlot(setting.seed, top); above !== undefined; ) {
    top = above
    above = parentSlot(setting.seed, top)
  }
  const number = hash(setting.seed, 17, top) % 100
  return number < 80 ? home : (currencies[1 + (number % (currencies.length - 1))] as Currency)
}

/** Street and city of the customer's address. */
export function customerAddress(
  seed: number,
  slot: number,
): { street: string; city: (typeof cities)[number] } {
  const number = hash(seed, 18, slot)
  const street = `${1 + (number % 9800)} ${streets[(number >>> 8) % streets.length]}`
  return { street, city: cities[(number >>> 16) % cities.length] as (typeof cities)[number] }
}

/** Name of the person to write to. */
export function customerPerson(seed: number, slot: number): string {
  const { given, family } = personOf(seed, slot)
  return `${given} ${family}`
}

export function customerEmail(seed: number, slot: number): string {
  const { given, family } = personOf(seed, slot)
  const plain = `${given}.${family}`.normalize('NFD').replace(/[^a-zA-Z.]/g, '')
  return `${plain.toLowerCase()}${slot}@example.com`
}

/** The structured address of the customer's card. */
export function cardAddress(seed: number, slot: number): string {
  const { street, city } = customerAddress(seed, slot)
  return (
    `{"Id":"${slot * 2 + 2}","Line1":${JSON.stringify(street)},"City":"${city[0]}",` +
    `"CountrySubDivisionCode":"${city[1]}","PostalCode":"${city[2]}","Lat":"${city[3]}","Long":"${city[4]}"}`
  )
}

// "(deleted)" is what QuickBooks itself appends to the names of what was made inactive.
function names(table: Table, seed: number, slot: number): { display: string; qualified: string } {
  const off = ((table.flags[slot] as number) & inactive) !== 0
  const suffix = off ? ' (deleted)' : ''
  return {
    display: customerName(seed, slot) + suffix,
    qualified: qualifiedName(seed, slot) + suffix,
  }
}

/** Cheap values of a customer for filters and orders. */
export function peekCustomer(table: Table, seed: number, slot: number, path: string) {
  if (path === 'FullyQualifiedName') return names(table, seed, slot).qualified
  return path === 'DisplayName' ? names(table, seed, slot).display : undefined
}

/** The customer's JSON text. */
export function renderCustomer(table: Table, setting: Setting, slot: number): string {
  const { seed } = setting
  const number = hash(seed, 19, slot)
  const { given, family, company } = personOf(seed, slot)
  const { display, qualified } = names(table, seed, slot)
  const parent = parentSlot(seed, slot)
  const currency = customerCurrency(setting, slot)
  const updated = table.updated[slot] as number
  // The balance moves with every touch while SyncToken stays, as in QuickBooks.
  const moves = hash(seed, 20, slot, updated)
  const balance = moves % 3 === 0 ? (moves % 900_000) + 1 : 0
  const withJobs = balance + (number % 5 === 0 ? (moves >>> 4) % 50_000 : 0)
  let text = `{"Taxable":${number % 4 !== 0}`
  if (number % 10 !== 9) text += `,"BillAddr":${cardAddress(seed, slot)}`
  if (number % 10 < 6) text += `,"ShipAddr":${cardAddress(seed, slot)}`
  if (number % 17 === 0) text += `,"Notes":${JSON.stringify(`Gate code ${slot}\nRing "twice"`)}`
  text += `,"Job":${parent !== undefined},"BillWithParent":${parent !== undefined && number % 2 === 0}`
  if (parent !== undefined) {
    let level = 1
    for (let above = parentSlot(seed, parent); above !== undefined; level++)
      above = parentSlot(seed, above)
    text += `,"ParentRef":${reference(customerId(seed, parent))},"Level":${level}`
  }
  text += `,"Balance":${money(balance)},"BalanceWithJobs":${money(withJobs)}`
  text += `,"CurrencyRef":${reference(currency.code, currency.name)}`
  text += `,"PreferredDeliveryMethod":"${['Print', 'Email', 'None'][number % 3]}"`
  text += `,"IsProject":${isProject(seed, slot)},"ClientEntityId":"0"`
  text += `,"domain":"QBO","sparse":false,"Id":"${table.ids[slot]}"`
  text += `,"SyncToken":"${table.syncTokens[slot]}"`
  text += `,"MetaData":{"CreateTime":"${pacificSeconds(table.created[slot] as number)}"`
  text += `,"LastUpdatedTime":"${pacificSeconds(updated)}"}`
  if (number % 8 !== 0)
    text += `,"GivenName":${JSON.stringify(given)},"FamilyName":${JSON.stringify(family)}`
  text += `,"FullyQualifiedName":${JSON.stringify(qualified)}`
  if (company !== undefined) text += `,"CompanyName":${JSON.stringify(company)}`
  text += `,"DisplayName":${JSON.stringify(display)}`
  text += `,"PrintOnCheckName":${JSON.stringify((company ?? display).slice(0, 110))}`
  text += `,"Active":${((table.flags[slot] as number) & inactive) === 0}`
  text += `,"V4IDPseudonym":"00209${number.toString(16).padStart(8, '0')}${slot.toString(16)}"`
  if (number % 8 !== 1)
    text += `,"PrimaryPhone":{"FreeFormNumber":"(415) 555-${String(number % 10_000).padStart(4, '0')}"}`
  if (number % 9 === 0)
    text += `,"Mobile":{"FreeFormNumber":"+1 809 555 ${1000 + (number % 9000)}"}`
  const edits = table.edits[slot] as number
  const mark = edits === 0 ? '' : `edit${edits}.`
  if (number % 8 !== 2)
    text += `,"PrimaryEmailAddr":{"Address":"${mark}${customerEmail(seed, slot)}"}`
  else if (edits > 0) text += `,"PrimaryEmailAddr":{"Address":"${mark}new@example.com"}`
  if (number % 13 === 0) text += `,"WebAddr":{"URI":"http://customer${slot}.example.com"}`
  return `${text}}`
}
