import type { JsonSchema } from '@singer-io-ts/core'
import {
  address,
  bool,
  date,
  dateTime,
  decimal,
  each,
  email,
  entity,
  integer,
  list,
  memo,
  object,
  ref,
  text,
} from './parts.ts'

type Members = { [name: string]: JsonSchema }

const linkedTxn = list(object(each(text, 'TxnId TxnType TxnLineId')))

/** What all lines have; the detail of each kind passes as it is. */
const line = object({
  ...each(text, 'Id Description DetailType'),
  LineNum: decimal,
  Amount: decimal,
  LinkedTxn: linkedTxn,
})

const transaction: Members = {
  ...entity,
  ...each(text, 'DocNumber PrivateNote TxnSource TransactionLocationType'),
  TxnDate: date,
  ...each(ref, 'CurrencyRef DepartmentRef'),
  ExchangeRate: decimal,
  Line: list(line),
  LinkedTxn: linkedTxn,
}

const taxed: Members = {
  ...transaction,
  GlobalTaxCalculation: text,
  TxnTaxDetail: object({
    ...each(ref, 'DefaultTaxCodeRef TxnTaxCodeRef'),
    TotalTax: decimal,
    TaxLine: list(object()),
  }),
}

/** Members that estimates, receipts and credits to customers share. */
const sale: Members = {
  ...taxed,
  ...each(bool, 'FreeFormAddress ApplyTaxAfterDiscount AutoDocNumber'),
  ...each(text, 'PrintStatus EmailStatus TrackingNum'),
  ...each(ref, 'CustomerRef ClassRef SalesTermRef ShipMethodRef ProjectRef RecurDataRef'),
  ...each(ref, 'TaxExemptionRef'),
  ...each(decimal, 'TotalAmt HomeTotalAmt Balance HomeBalance'),
  ...each(date, 'DueDate ShipDate'),
  CustomerMemo: memo,
  ...each(address, 'BillAddr ShipAddr ShipFromAddr'),
  ...each(email, 'BillEmail BillEmailCc BillEmailBcc'),
  DeliveryInfo: object({ DeliveryType: text, DeliveryTime: dateTime }),
}

/** Members of a sale that is paid, or paid back, at once. */
const paidSale: Members = {
  ...sale,
  ...each(ref, 'DepositToAccountRef PaymentMethodRef'),
  ...each(text, 'PaymentRefNum PaymentType'),
  ...each(object(), 'CreditCardPayment CheckPayment'),
  TxnApprovalInfo: object(),
}

const toVendor: Members = {
  ...taxed,
  ...each(ref, 'VendorRef APAccountRef RecurDataRef'),
  ...each(decimal, 'TotalAmt HomeTotalAmt Balance HomeBalance'),
  VendorAddr: address,
}

export const bill: Members = { ...toVendor, SalesTermRef: ref, DueDate: date, LessCIS: decimal }

export const vendorCredit: Members = toVendor

export const purchaseOrder: Members = {
  ...toVendor,
  ...each(text, 'POStatus Memo EmailStatus'),
  ...each(date, 'DueDate ShipDate'),
  ...each(ref, 'ClassRef SalesTermRef ShipTo ShipMethodRef'),
  ShipAddr: address,
  ...each(email, 'POEmail BillEmail'),
  CustomField: list(object()),
}

export const billPayment: Members = {
  ...transaction,
  ...each(text, 'PayType'),
  ...each(ref, 'VendorRef APAccountRef'),
  TotalAmt: decimal,
  ProcessBillPayment: bool,
  ...each(object(), 'CheckPayment CreditCardPayment'),
}

export const creditMemo: Members = {
  ...sale,
  ...each(decimal, 'RemainingCredit'),
  ...each(ref, 'InvoiceRef PaymentMethodRef DepositToAccountRef'),
}

export const deposit: Members = {
  ...taxed,
  ...each(ref, 'DepositToAccountRef RecurDataRef'),
  ...each(decimal, 'TotalAmt HomeTotalAmt'),
  CashBack: object({ AccountRef: ref, Amount: decimal, Memo: text }),
}

export const estimate: Members = {
  ...sale,
  ...each(text, 'TxnStatus AcceptedBy'),
  ...each(date, 'ExpirationDate AcceptedDate'),
}

export const inventoryAdjustment: Members = {
  ...transaction,
  AdjustAccountRef: ref,
}

export const journalEntry: Members = {
  ...taxed,
  Adjustment: bool,
  ...each(decimal, 'TotalAmt HomeTotalAmt'),
  ...each(ref, 'TaxRateRef JournalCodeRef RecurDataRef'),
}

export const payment: Members = {
  ...transaction,
  ...each(ref, 'CustomerRef ARAccountRef DepositToAccountRef PaymentMethodRef TaxExemptionRef'),
  ...each(decimal, 'TotalAmt UnappliedAmt'),
  ProcessPayment: bool,
  PaymentRefNum: text,
  CreditCardPayment: object(),
}

export const purchase: Members = {
  ...taxed,
  ...each(text, 'PaymentType PrintStatus PaymentRefNum'),
  ...each(ref, 'AccountRef EntityRef PaymentMethodRef RecurDataRef'),
  TotalAmt: decimal,
  Credit: bool,
  RemitToAddr: address,
  PurchaseEx: object(),
}

export const refundReceipt: Members = paidSale

export const reimburseCharge: Members = {
  ...taxed,
  CustomerRef: ref,
  ...each(decimal, 'Amount HomeTotalAmt'),
  HasBeenInvoiced: bool,
}

export const salesReceipt: Members = paidSale

export const timeActivity: Members = {
  ...entity,
  ...each(text, 'NameOf BillableStatus Description TimeZone TransactionLocationType'),
  TxnDate: date,
  ...each(ref, 'EmployeeRef VendorRef CustomerRef ItemRef ClassRef DepartmentRef ProjectRef'),
  ...each(ref, 'PayrollItemRef'),
  ...each(bool, 'Taxable'),
  ...each(decimal, 'HourlyRate CostRate'),
  ...each(integer, 'Hours Minutes Seconds BreakHours BreakMinutes BreakSeconds'),
  ...each(text, 'StartTime EndTime'),
}

export const transfer: Members = {
  ...transaction,
  ...each(ref, 'FromAccountRef ToAccountRef RecurDataRef'),
  Amount: decimal,
}
