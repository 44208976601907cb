import type { JsonSchema } from '@singer-io-ts/core'
import { customer } from './schemas/customer.ts'
import { invoice } from './schemas/invoice.ts'
import { item } from './schemas/item.ts'
import * as names from './schemas/names.ts'
import { origin } from './schemas/parts.ts'
import * as transactions from './schemas/transactions.ts'

/** A stream and how QuickBooks wants to be asked for it. */
export type Stream = {
  name: string
  /** QuickBooks' name for it in queries and answers. */
  entity: string
  /** A name list: inactive rows come only when the query asks for them. */
  hasActive: boolean
  /** Change data capture tells what was deleted. */
  hasChanges: boolean
  selectedByDefault: boolean
  schema: JsonSchema
}

export const KEY_PROPERTIES: readonly string[] = ['Id']
export const REPLICATION_KEY = 'MetaData.LastUpdatedTime'

/** Members of QuickBooks' objects that are there whatever is selected. */
export const AUTOMATIC: readonly string[] = [...KEY_PROPERTIES, 'MetaData']

type Members = { [name: string]: JsonSchema }

/** The order is that of the catalog; the first three are what is read by default. */
export const STREAMS: readonly Stream[] = [
  transaction('invoices', 'Invoice', invoice, { selectedByDefault: true }),
  nameList('customers', 'Customer', customer, { selectedByDefault: true }),
  nameList('items', 'Item', item, { selectedByDefault: true }),
  nameList('accounts', 'Account', names.account),
  transaction('bill_payments', 'BillPayment', transactions.billPayment),
  transaction('bills', 'Bill', transactions.bill),
  nameList('classes', 'Class', names.classOfBooks),
  nameList('company_currencies', 'CompanyCurrency', names.companyCurrency, { hasActive: false }),
  transaction('credit_memos', 'CreditMemo', transactions.creditMemo),
  nameList('customer_types', 'CustomerType', names.customerType, { hasActive: false }),
  nameList('departments', 'Department', names.department),
  transaction('deposits', 'Deposit', transactions.deposit),
  nameList('employees', 'Employee', names.employee),
  transaction('estimates', 'Estimate', transactions.estimate),
  transaction('inventory_adjustments', 'InventoryAdjustment', transactions.inventoryAdjustment),
  transaction('journal_entries', 'JournalEntry', transactions.journalEntry),
  nameList('payment_methods', 'PaymentMethod', names.paymentMethod),
  transaction('payments', 'Payment', transactions.payment),
  transaction('purchase_orders', 'PurchaseOrder', transactions.purchaseOrder),
  transaction('purchases', 'Purchase', transactions.purchase),
  transaction('refund_receipts', 'RefundReceipt', transactions.refundReceipt),
  transaction('reimburse_charges', 'ReimburseCharge', transactions.reimburseCharge),
  transaction('sales_receipts', 'SalesReceipt', transactions.salesReceipt),
  nameList('tax_agencies', 'TaxAgency', names.taxAgency, { hasActive: false, hasChanges: false }),
  nameList('tax_codes', 'TaxCode', names.taxCode, { hasChanges: false }),
  nameList('tax_rates', 'TaxRate', names.taxRate, { hasChanges: false }),
  nameList('terms', 'Term', names.term),
  transaction('time_activities', 'TimeActivity', transactions.timeActivity, { hasChanges: false }),
  transaction('transfers', 'Transfer', transactions.transfer),
  transaction('vendor_credits', 'VendorCredit', transactions.vendorCredit),
  nameList('vendors', 'Vendor', names.vendor),
]

function nameList(name: string, entity: string, members: Members, more?: Partial<Stream>): Stream {
  return { ...transaction(name, entity, members), hasActive: true, ...more }
}

function transaction(
  name: string,
  entity: string,
  members: Members,
  more?: Partial<Stream>,
): Stream {
  return {
    name,
    entity,
    hasActive: false,
    hasChanges: true,
    selectedByDefault: false,
    schema: {
      type: 'object',
      properties: { ...members, ...origin },
      required: ['Id', 'MetaData'],
      additionalProperties: true,
    },
    ...more,
  }
}
