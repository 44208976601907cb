import { type Json, readJson, writeJson } from './json.ts'

function voidLine(line: Json): void {
  if (!(line instanceof Map)) return
  if (line.has('Amount')) line.set('Amount', '0')
  for (const detail of line.values()) {
    if (!(detail instanceof Map)) continue
    detail.delete('UnitPrice')
    for (const key of ['Qty', 'Quantity']) if (detail.has(key)) detail.set(key, '0')
    const nested = detail.get('Line')
    if (Array.isArray(nested)) nested.forEach(voidLine)
  }
}

/** The text of a transaction after it was voided, as recorded: amounts 0, a note, no links. */
export function voidText(text: string): string {
  const row = readJson(text) as Map<string, Json>
  const voidedRow = new Map<string, Json>()
  for (const [key, value] of row) {
    if (key === 'PrivateNote') continue
    if (key === 'LinkedTxn') voidedRow.set('PrivateNote', '"Voided"')
    voidedRow.set(key, value)
  }
  voidedRow.set('PrivateNote', '"Voided"')
  for (const key of ['TotalAmt', 'Balance', 'HomeTotalAmt', 'HomeBalance'])
    if (voidedRow.has(key)) voidedRow.set(key, '0')
  if (voidedRow.has('LinkedTxn')) voidedRow.set('LinkedTxn', [])
  if (voidedRow.has('TxnTaxDetail')) voidedRow.set('TxnTaxDetail', new Map([['TotalTax', '0']]))
  const lines = voidedRow.get('Line')
  if (Array.isArray(lines)) lines.forEach(voidLine)
  return writeJson(voidedRow)
}
