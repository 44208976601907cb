import { decimal, money } from './decimal.ts'
import {
  type ItemType,
  incomeAccount,
  itemId,
  itemName,
  itemPrice,
  itemType,
  kitParts,
} from './item.ts'
import { chance, draw, type Random } from './random.ts'
import { reference, type Setting } from './setting.ts'

/** The lines of one invoice and their sums, whole cents. */
export type Lines = { text: string; subtotal: number; taxable: number; discount: number }

export type LineStyle = {
  /** Numeric tax codes and GlobalTaxCalculation instead of TAX and NON. */
  foreign: boolean
  voided: boolean
  /** How often the invoice was edited: steps the first quantity. */
  edits: number
  /** An estimate that the lines were taken from. */
  estimateId: number | undefined
  created: string
}

type Goods = { reference: string; account: string; name: string; price: number; type: ItemType }

const kept = new WeakMap<Setting, Map<number, Goods>>()

// What lines say of an item never changes, and asking for it thrice a line is most of the work.
function goodsOf(setting: Setting, slot: number): Goods {
  let known = kept.get(setting)
  if (!known) {
    known = new Map()
    kept.set(setting, known)
  }
  let goods = known.get(slot)
  if (!goods) {
    const name = itemName(setting.seed, slot)
    goods = {
      reference: reference(itemId(slot), name),
      account: incomeAccount(setting.seed, slot),
      name,
      price: itemPrice(setting.seed, slot),
      type: itemType(setting.seed, slot),
    }
    if (known.size > 20_000) known.clear()
    known.set(slot, goods)
  }
  return goods
}

type Draft = { random: Random; setting: Setting; style: LineStyle; number: number; lines: Lines }

// Price × 10^-7 times quantity × 10^-4, as whole cents.
function amountOf(price: number, quantity: number): number {
  return Math.round((price * quantity) / 1e9)
}

function salesDetail(draft: Draft, goods: Goods, quantity: number, taxed: boolean): string {
  const { style } = draft
  const code = style.foreign ? (taxed ? '5' : '4') : taxed ? 'TAX' : 'NON'
  let text = `{"ItemRef":${goods.reference}`
  if (!style.voided) text += `,"UnitPrice":${decimal(goods.price, 7)}`
  text += `,"Qty":${style.voided ? '0' : decimal(quantity, 4)}`
  return `${text},"ItemAccountRef":${goods.account},"TaxCodeRef":{"value":"${code}"}}`
}

function salesLine(draft: Draft, goods: Goods, quantity: number, describe: string): string {
  const { lines, style } = draft
  const taxed = goods.type !== 'Service'
  const amount = style.voided ? 0 : amountOf(goods.price, quantity)
  lines.subtotal += amount
  if (taxed) lines.taxable += amount
  draft.number++
  let text = `{"Id":"${draft.number}","LineNum":${draft.number}`
  if (describe !== '') text += `,"Description":${JSON.stringify(describe)}`
  text += `,"Amount":${money(amount)}`
  const linked =
    style.estimateId === undefined || style.voided
      ? ''
      : `{"TxnId":"${style.estimateId}","TxnType":"Estimate"}`
  text += `,"LinkedTxn":[${linked}],"DetailType":"SalesItemLineDetail"`
  const detail = salesDetail(draft, goods, quantity, taxed)
  return `${text},"SalesItemLineDetail":${detail},"CustomExtensions":[]}`
}

function drawQuantity(random: Random): number {
  if (chance(random, 70)) return (1 + draw(random, 12)) * 1e4
  return chance(random, 50) ? (1 + draw(random, 40)) * 2500 : 1 + draw(random, 200_000)
}

function groupLine(draft: Draft, slot: number): string {
  const { random, setting, style, lines } = draft
  const parts = kitParts(setting.seed, slot)
  const quantity = 1 + draw(random, 3)
  draft.number++
  const outer = draft.number
  const before = lines.subtotal
  const nested = parts.map((part) => {
    const goods = goodsOf(setting, part.slot)
    return salesLine(draft, goods, part.quantity * quantity * 1e4, goods.name)
  })
  // Both were recorded: the outer amount is the sum or zero.
  const amount = outer % 2 === 0 ? 0 : lines.subtotal - before
  const kit = goodsOf(setting, slot)
  const describe = JSON.stringify(kit.name)
  return (
    `{"Id":"${outer}","LineNum":${outer},"Description":${describe},"Amount":${money(amount)}` +
    `,"LinkedTxn":[],"DetailType":"GroupLineDetail","GroupLineDetail":{"GroupItemRef":` +
    `${kit.reference},"Quantity":${style.voided ? 0 : quantity},"Line":[${nested}]}}`
  )
}

function descriptionLine(draft: Draft): string {
  draft.number++
  const texts = [
    'Delivery notes: ring twice 🔔',
    'Section "B" — see plan C:\\plans\\b.pdf',
    'First line\nsecond line',
    "Client's own materials",
  ]
  const text = JSON.stringify(texts[draw(draft.random, texts.length)])
  const code = draft.style.foreign ? '4' : 'NON'
  return (
    `{"Id":"${draft.number}","LineNum":${draft.number},"Description":${text},"LinkedTxn":[],` +
    `"DetailType":"DescriptionOnly","DescriptionLineDetail":{"ServiceDate":"${draft.style.created}",` +
    `"TaxCodeRef":${reference(code)}}}`
  )
}

function shippingLine(draft: Draft): string {
  const amount = draft.style.voided ? 0 : 500 + draw(draft.random, 4000)
  draft.lines.subtotal += amount
  const code = draft.style.foreign ? '4' : 'NON'
  return (
    `{"Amount":${money(amount)},"DetailType":"SalesItemLineDetail","SalesItemLineDetail":` +
    `{"ItemRef":${reference('SHIPPING_ITEM_ID')},"TaxCodeRef":${reference(code)}}}`
  )
}

function discountLine(draft: Draft): string {
  const { lines, random, style } = draft
  const account = reference(86, 'Discounts given')
  const byPercent = chance(random, 70)
  const percent = [25, 50, 75, 100, 125, 150][draw(random, 6)] as number
  const share = byPercent ? percent / 1000 : 0.05
  lines.discount = style.voided ? 0 : Math.round(lines.subtotal * share)
  const rate = byPercent
    ? `"PercentBased":true,"DiscountPercent":${decimal(percent, 1)}`
    : '"PercentBased":false'
  return (
    `{"Amount":${money(lines.discount)},"DetailType":"DiscountLineDetail","DiscountLineDetail":` +
    `{${rate},"DiscountAccountRef":${account}}}`
  )
}

/** Draws the lines of an invoice: sales items, kits, text, shipping, subtotal, discount. */
export function drawLines(random: Random, setting: Setting, style: LineStyle): Lines {
  const lines: Lines = { text: '', subtotal: 0, taxable: 0, discount: 0 }
  const draft: Draft = { random, setting, style, number: 0, lines }
  const items = Math.max(setting.items, 12)
  const texts: string[] = []
  const wanted = 1 + draw(random, 3) + (chance(random, 4) ? draw(random, 12) : 0)
  for (let index = 0; index < wanted; index++) {
    let slot = draw(random, items)
    let goods = goodsOf(setting, slot)
    if (goods.type === 'Category' || (goods.type === 'Group' && chance(random, 60))) {
      slot = slot - (slot % 12) + 1
      goods = goodsOf(setting, slot)
    }
    if (goods.type === 'Group') {
      texts.push(groupLine(draft, slot))
      continue
    }
    const quantity = drawQuantity(random) + (index === 0 ? style.edits * 1e4 : 0)
    const describe = chance(random, 85) ? `${goods.name}, as agreed` : ''
    texts.push(salesLine(draft, goods, quantity, describe))
  }
  if (chance(random, 15)) texts.push(descriptionLine(draft))
  if (chance(random, 10)) texts.push(shippingLine(draft))
  const subtotal = money(lines.subtotal)
  texts.push(`{"Amount":${subtotal},"DetailType":"SubTotalLineDetail","SubTotalLineDetail":{}}`)
  if (chance(random, 15)) texts.push(discountLine(draft))
  lines.text = texts.join(',')
  return lines
}
