import type { JsonSchema } from '@singer-io-ts/core'
import {
  address,
  bool,
  customField,
  date,
  dateTime,
  decimal,
  each,
  email,
  entity,
  list,
  memo,
  nameValues,
  object,
  ref,
  text,
} from './parts.ts'

const linkedTxn = list(object(each(text, 'TxnId TxnType TxnLineId')))

const markup = object({
  PercentBased: bool,
  ...each(decimal, 'Value Percent'),
  ...each(ref, 'PriceLevelRef MarkUpIncomeAccountRef'),
})

const salesItemLineDetail = object({
  ...each(
    ref,
    'ItemRef ClassRef UOMRef ItemAccountRef TaxCodeRef TaxClassificationRef PriceLevelRef',
  ),
  ...each(
    decimal,
    'UnitPrice RatePercent Qty TaxInclusiveAmt DiscountRate DiscountAmt UnitCostPrice RetainageAmount',
  ),
  ServiceDate: date,
  MarkupInfo: markup,
  DeferredRevenue: bool,
})

const lineMembers: { [name: string]: JsonSchema } = {
  Id: text,
  LineNum: decimal,
  Description: text,
  Amount: decimal,
  LinkedTxn: linkedTxn,
  DetailType: text,
  SalesItemLineDetail: salesItemLineDetail,
  SubTotalLineDetail: object({ ItemRef: ref, ServiceDate: date }),
  DiscountLineDetail: object({
    PercentBased: bool,
    DiscountPercent: decimal,
    ...each(ref, 'DiscountAccountRef DiscountRef ClassRef TaxCodeRef'),
    ServiceDate: date,
  }),
  DescriptionLineDetail: object({ ServiceDate: date, TaxCodeRef: ref }),
  ProjectRef: ref,
  ...each(decimal, 'CostAmount HomeCostAmount'),
  CustomField: list(customField),
  LineEx: nameValues,
  CustomExtensions: list(object()),
}

const line = object({
  ...lineMembers,
  GroupLineDetail: object({
    ...each(ref, 'GroupItemRef UOMRef'),
    Quantity: decimal,
    ServiceDate: date,
    Line: list(object(lineMembers)),
  }),
})

const taxLine = object({
  Amount: decimal,
  DetailType: text,
  TaxLineDetail: object({
    TaxRateRef: ref,
    PercentBased: bool,
    ...each(decimal, 'TaxPercent NetAmountTaxable TaxInclusiveAmount OverrideDeltaAmount'),
    ServiceDate: date,
  }),
})

/** Members of an Invoice. */
export const invoice: { [name: string]: JsonSchema } = {
  ...entity,
  ...each(
    bool,
    'AllowIPNPayment AllowOnlinePayment AllowOnlineCreditCardPayment AllowOnlineACHPayment ' +
      'AllowOnlinePayPalPayment AllowOnlineAffirmPayment FreeFormAddress ApplyTaxAfterDiscount ' +
      'AutoDocNumber ShippingTaxIncludedInTotalTax FinanceCharge AutoPayEligible ' +
      'SchedulePayEligible GratuityEnabled',
  ),
  ...each(
    text,
    'DocNumber PrivateNote TrackingNum FOB PONumber PaymentRefNum TxnSource TaxFormType TaxFormNum ' +
      'TransactionLocationType GovtTxnRefIdentifier GlobalTaxCalculation PrintStatus EmailStatus ' +
      'EInvoiceStatus InvoiceLink InvoiceLinkSecurityCode invoiceStatus callToAction ' +
      'PaymentDetailsMessage ScheduledPaymentId FinancingProductType SubscriptionPaymentsSetting ' +
      'CfdiUse Exportation',
  ),
  ...each(date, 'TxnDate DueDate ShipDate'),
  ...each(text, 'InvoiceLinkExpiryDate'),
  ECloudStatusTimeStamp: dateTime,
  ...each(
    ref,
    'CustomerRef CurrencyRef SalesTermRef ClassRef DepartmentRef ShipMethodRef SalesRepRef ' +
      'ProjectRef RecurDataRef TaxExemptionRef TemplateRef ARAccountRef DepositToAccountRef ' +
      'PaymentMethodRef',
  ),
  ...each(
    decimal,
    'ExchangeRate HomeTotalAmt HomeBalance TotalAmt Balance Deposit DiscountAmt DiscountRate ' +
      'TotalCostAmount HomeTotalCostAmount LessCIS',
  ),
  Line: list(line),
  LinkedTxn: linkedTxn,
  TxnTaxDetail: object({
    ...each(ref, 'DefaultTaxCodeRef TxnTaxCodeRef'),
    TotalTax: decimal,
    TaxReviewStatus: text,
    UseAutomatedSalesTax: bool,
    TaxLine: list(taxLine),
  }),
  CustomerMemo: memo,
  ...each(address, 'BillAddr ShipAddr ShipFromAddr RemitToRef'),
  ...each(email, 'BillEmail BillEmailCc BillEmailBcc'),
  DeliveryInfo: object({ DeliveryType: text, DeliveryTime: dateTime, DeliveryErrorType: text }),
  invoiceStatusLog: list(object()),
  ...each(object(), 'ConvenienceFeeDetail EnabledSurchargeInfo TxnApprovalInfo RecurringInfo'),
  TxnRetainageDetail: object(each(decimal, 'RetainageAmount RetainageOpenBalance')),
  GlobalInfo: object(each(text, 'Periodicity Month Year')),
  Tag: list(object()),
  InvoiceEx: nameValues,
}
