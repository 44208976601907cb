import {
  cardAddress,
  customerAddress,
  customerCurrency,
  customerEmail,
  customerId,
  customerName,
  customerPerson,
} from './customer.ts'
import { decimal, money } from './decimal.ts'
import { drawLines, type Lines } from './line.ts'
import { memos } from './names.ts'
import { pacificDay, pacificSeconds } from './pacific.ts'
import { chance, draw, hash, pick, type Random } from './random.ts'
import { type Currency, currencies, reference, type Setting } from './setting.ts'
import { type Table, voided } from './table.ts'

const terms = [
  { id: 1, name: 'Due on receipt', days: 0 },
  { id: 2, name: 'Net 15', days: 15 },
  { id: 3, name: 'Net 30', days: 30 },
  { id: 4, name: 'Net 60', days: 60 },
] as const

/** Transactions of all kinds share one sequence of Ids; other kinds fill the gaps. */
export function invoiceId(seed: number, slot: number): number {
  return slot * 3 + 1 + (hash(seed, 51, slot) & 1)
}

function paymentId(slot: number): number {
  return slot * 3 + 3
}

function customerSlot(setting: Setting, slot: number): number {
  const count = Math.max(setting.customers, 1)
  // A few customers buy most.
  const share = (hash(setting.seed, 52, slot) % 100_000) / 100_000
  return Math.min(Math.floor(share * share * count), count - 1)
}

function txnDate(table: Table, seed: number, slot: number): string {
  const back = hash(seed, 53, slot) % 10 < 8 ? 0 : hash(seed, 54, slot) % 40
  return pacificDay((table.created[slot] as number) - back * 86_400)
}

function laterDate(date: string, days: number): string {
  return new Date(Date.parse(date) + days * 86_400_000).toISOString().slice(0, 10)
}

/** Cheap values of an invoice for filters and orders. */
export function peekInvoice(table: Table, setting: Setting, slot: number, path: string) {
  if (path === 'TxnDate') return txnDate(table, setting.seed, slot)
  if (path === 'DocNumber') return String(1001 + slot)
  if (path !== 'CustomerRef') return undefined
  return String(customerId(setting.seed, customerSlot(setting, slot)))
}

function customFields(random: Random): string {
  const crew = chance(random, 60) ? `,"StringValue":"${100 + draw(random, 20)}"` : ''
  const order = chance(random, 25) ? `,"StringValue":"PO \\"${draw(random, 9999)}\\" é"` : ''
  return (
    `[{"DefinitionId":"1","Name":"Crew #","Type":"StringType"${crew}},` +
    `{"DefinitionId":"2","Name":"Purchase order","Type":"StringType"${order}}]`
  )
}

type Buyer = {
  reference: string
  currency: Currency
  /** The free-form address but for its Id. */
  address: string
  card: string
  email: string
}

const kept = new WeakMap<Setting, Map<number, Buyer>>()

function makeBuyer(setting: Setting, customer: number): Buyer {
  const { seed } = setting
  const { street, city } = customerAddress(seed, customer)
  const name = customerName(seed, customer)
  const lines = [customerPerson(seed, customer), name, street]
  const texts = lines.map((line, index) => `"Line${index + 1}":${JSON.stringify(line)}`)
  return {
    reference: reference(customerId(seed, customer), name),
    currency: customerCurrency(setting, customer),
    address:
      `${texts},"Line4":"${city[0]}, ${city[1]}  ${city[2]}",` +
      `"Lat":"${city[3]}","Long":"${city[4]}"}`,
    card: cardAddress(seed, customer),
    email: customerEmail(seed, customer),
  }
}

// Many invoices go to one customer: what they say of it is made once.
function buyerOf(setting: Setting, customer: number): Buyer {
  let known = kept.get(setting)
  if (!known) {
    known = new Map()
    kept.set(setting, known)
  }
  let buyer = known.get(customer)
  if (!buyer) {
    buyer = makeBuyer(setting, customer)
    if (known.size > 20_000) known.clear()
    known.set(customer, buyer)
  }
  return buyer
}

type Tax = { total: number; text: string; calculation: string }

function taxLine(amount: number, rate: number, percent: string, net: number): string {
  return (
    `{"Amount":${money(amount)},"DetailType":"TaxLineDetail","TaxLineDetail":{"TaxRateRef":` +
    `${reference(rate)},"PercentBased":true,"TaxPercent":${percent},"NetAmountTaxable":${money(net)}}}`
  )
}

function taxOf(lines: Lines, foreign: boolean, random: Random): Tax {
  const us = !foreign
  if (lines.taxable <= 0) {
    return { total: 0, text: '{"TotalTax":0}', calculation: us ? '' : 'NotApplicable' }
  }
  if (us) {
    const [code, percent, thousandths] = pick(random, [
      [2, '8', 80],
      [2, '8', 80],
      [7, '9.1', 91],
      [9, '7.25', 72.5],
    ] as const)
    const total = Math.round((lines.taxable * thousandths) / 1000)
    const line = taxLine(total, code + 1, percent, lines.taxable)
    const text = `{"TxnTaxCodeRef":${reference(code)},"TotalTax":${money(total)},"TaxLine":[${line}]}`
    return { total, text, calculation: '' }
  }
  const first = Math.round(lines.taxable * 0.05)
  const second = Math.round(lines.taxable * 0.09975)
  const texts = [
    taxLine(first, 11, '5', lines.taxable),
    taxLine(second, 12, '9.975', lines.taxable),
  ]
  const total = first + second
  const text = `{"TotalTax":${money(total)},"TaxLine":[${texts}]}`
  return { total, text, calculation: 'TaxExcluded' }
}

/** The invoice's JSON text: some 2.5 kB, members in the order of QuickBooks' own answers. */
export function renderInvoice(table: Table, setting: Setting, slot: number): string {
  const { seed } = setting
  const random: Random = { state: hash(seed, 55, slot) }
  const isVoid = ((table.flags[slot] as number) & voided) !== 0
  const edits = table.edits[slot] as number
  const created = table.created[slot] as number
  const updated = table.updated[slot] as number
  const buyer = buyerOf(setting, customerSlot(setting, slot))
  const { currency } = buyer
  const foreign = currency !== currencies[0]
  const date = txnDate(table, seed, slot)
  const term = pick(random, terms)
  const estimateId = chance(random, 6) ? slot * 3 + 2 : undefined
  const style = { foreign, voided: isVoid, edits, estimateId, created: date }
  const online = chance(random, 20)
  const fields = customFields(random)
  const lines = drawLines(random, setting, style)
  const tax = taxOf(lines, foreign, random)
  const total = lines.subtotal - lines.discount + tax.total
  // What was touched after its creation was mostly paid then.
  const paid =
    updated > created && total > 0 ? pick(random, [total, total, Math.floor(total / 3), 0]) : 0
  const links: string[] = []
  if (!isVoid && paid > 0) links.push(`{"TxnId":"${paymentId(slot)}","TxnType":"Payment"}`)
  if (!isVoid && estimateId !== undefined)
    links.push(`{"TxnId":"${estimateId}","TxnType":"Estimate"}`)

  let text = `{"AllowIPNPayment":false,"AllowOnlinePayment":${online}`
  text += `,"AllowOnlineCreditCardPayment":${online},"AllowOnlineACHPayment":${online}`
  text += `,"domain":"QBO","sparse":false,"Id":"${table.ids[slot]}"`
  text += `,"SyncToken":"${table.syncTokens[slot]}"`
  text += `,"MetaData":{"CreateTime":"${pacificSeconds(created)}"`
  text += `,"LastModifiedByRef":{"value":"9341450000000001"}`
  text += `,"LastUpdatedTime":"${pacificSeconds(updated)}"},"CustomField":${fields}`
  text += `,"DocNumber":"${1001 + slot}","TxnDate":"${date}"`
  text += `,"CurrencyRef":${reference(currency.code, currency.name)}`
  if (setting.multicurrency) text += `,"ExchangeRate":${decimal(currency.rateMicros, 6)}`
  if (isVoid) text += ',"PrivateNote":"Voided"'
  else if (edits > 0) text += `,"PrivateNote":"Edited ${edits} times"`
  else if (chance(random, 6)) text += `,"PrivateNote":${JSON.stringify(pick(random, memos))}`
  text += `,"LinkedTxn":[${links}],"Line":[${lines.text}],"TxnTaxDetail":${tax.text}`
  text += `,"CustomerRef":${buyer.reference}`
  if (chance(random, 85)) text += `,"CustomerMemo":{"value":${JSON.stringify(pick(random, memos))}}`
  text += `,"BillAddr":{"Id":"${slot * 2 + 90}",${buyer.address}`
  if (chance(random, 90)) text += `,"ShipAddr":${buyer.card}`
  text += `,"FreeFormAddress":true,"SalesTermRef":${reference(term.id, term.name)}`
  text += `,"DueDate":"${laterDate(date, term.days)}"`
  if (tax.calculation !== '') text += `,"GlobalTaxCalculation":"${tax.calculation}"`
  text += `,"TotalAmt":${money(total)}`
  const rate = currency.rateMicros
  if (setting.multicurrency) text += `,"HomeTotalAmt":${money(Math.round((total * rate) / 1e6))}`
  text += `,"ApplyTaxAfterDiscount":false`
  text += `,"PrintStatus":"${pick(random, ['NeedToPrint', 'NotSet', 'PrintComplete'])}"`
  const sent = chance(random, 25)
  text += `,"EmailStatus":"${sent ? 'EmailSent' : 'NotSet'}"`
  text += `,"BillEmail":{"Address":"${buyer.email}"},"Balance":${money(total - paid)}`
  if (setting.multicurrency)
    text += `,"HomeBalance":${money(Math.round(((total - paid) * rate) / 1e6))}`
  if (sent)
    text += `,"DeliveryInfo":{"DeliveryType":"Email","DeliveryTime":"${pacificSeconds(created)}"}`
  return `${text}}`
}
