import {
  type Column,
  customField,
  date,
  decimal,
  flag,
  never,
  only,
  text,
  time,
  whole,
} from './viewcolumns.ts'

/**
 * A view: one row for each record of a stream, or for each element of an array in it. Names and
 * columns are those that the dbt package fivetran/dbt_quickbooks reads.
 */
export type View = {
  name: string
  stream: string
  /** The arrays that the rows are elements of, the inner one in an element of the outer. */
  lists?: readonly string[]
  /** What the columns with the record's key and the positions in the arrays, from 0, are called. */
  keys: readonly string[]
  /** Only records with this value of their member. */
  where?: { path: string; value: string }
  columns: { readonly [name: string]: Column }
}

/** When QuickBooks made and last changed it. */
export const times: View['columns'] = {
  created_at: time('MetaData.CreateTime'),
  updated_at: time('MetaData.LastUpdatedTime'),
}

const invoice: View = {
  name: 'invoice',
  stream: 'invoices',
  keys: ['id'],
  columns: {
    allow_ipnpayment: flag('AllowIPNPayment'),
    allow_online_achpayment: flag('AllowOnlineACHPayment'),
    allow_online_credit_card_payment: flag('AllowOnlineCreditCardPayment'),
    allow_online_payment: flag('AllowOnlinePayment'),
    apply_tax_after_discount: flag('ApplyTaxAfterDiscount'),
    balance: decimal('Balance'),
    billing_address_id: text('BillAddr.Id'),
    billing_bcc_email: text('BillEmailBcc.Address'),
    billing_cc_email: text('BillEmailCc.Address'),
    billing_email: text('BillEmail.Address'),
    class_id: text('ClassRef.value'),
    ...times,
    currency_id: text('CurrencyRef.value'),
    custom_p_o_number: customField('p_o_number'),
    custom_sales_rep: customField('sales_rep'),
    customer_id: text('CustomerRef.value'),
    customer_memo: text('CustomerMemo.value'),
    delivery_time: time('DeliveryInfo.DeliveryTime'),
    delivery_type: text('DeliveryInfo.DeliveryType'),
    department_id: text('DepartmentRef.value'),
    deposit: decimal('Deposit'),
    deposit_to_account_id: text('DepositToAccountRef.value'),
    doc_number: text('DocNumber'),
    due_date: date('DueDate'),
    email_status: text('EmailStatus'),
    exchange_rate: decimal('ExchangeRate'),
    global_tax_calculation: text('GlobalTaxCalculation'),
    home_balance: decimal('HomeBalance'),
    home_total_amount: decimal('HomeTotalAmt'),
    print_status: text('PrintStatus'),
    private_note: text('PrivateNote'),
    sales_term_id: text('SalesTermRef.value'),
    ship_date: date('ShipDate'),
    shipping_address_id: text('ShipAddr.Id'),
    sync_token: text('SyncToken'),
    tax_code_id: text('TxnTaxDetail.TxnTaxCodeRef.value'),
    total_amount: decimal('TotalAmt'),
    total_tax: decimal('TxnTaxDetail.TotalTax'),
    tracking_number: text('TrackingNum'),
    transaction_date: date('TxnDate'),
    transaction_source: text('TxnSource'),
  },
}

const invoiceLine: View = {
  name: 'invoice_line',
  stream: 'invoices',
  lists: ['Line'],
  keys: ['invoice_id', 'index'],
  columns: {
    account_id: never('text'),
    amount: decimal('Amount'),
    bundle_id: text('GroupLineDetail.GroupItemRef.value'),
    bundle_quantity: decimal('GroupLineDetail.Quantity'),
    description: text('Description'),
    description_service_date: date('DescriptionLineDetail.ServiceDate'),
    description_tax_code_id: text('DescriptionLineDetail.TaxCodeRef.value'),
    detail_type: text('DetailType'),
    discount_account_id: text('DiscountLineDetail.DiscountAccountRef.value'),
    discount_class_id: text('DiscountLineDetail.ClassRef.value'),
    discount_discount_percent: decimal('DiscountLineDetail.DiscountPercent'),
    discount_percent_based: flag('DiscountLineDetail.PercentBased'),
    discount_tax_code_id: text('DiscountLineDetail.TaxCodeRef.value'),
    item_id: never('text'),
    quantity: never('numeric'),
    sales_item_account_id: text('SalesItemLineDetail.ItemAccountRef.value'),
    sales_item_class_id: text('SalesItemLineDetail.ClassRef.value'),
    sales_item_discount_amount: decimal('SalesItemLineDetail.DiscountAmt'),
    sales_item_discount_rate: decimal('SalesItemLineDetail.DiscountRate'),
    sales_item_item_id: text('SalesItemLineDetail.ItemRef.value'),
    sales_item_quantity: decimal('SalesItemLineDetail.Qty'),
    sales_item_service_date: date('SalesItemLineDetail.ServiceDate'),
    sales_item_tax_code_id: text('SalesItemLineDetail.TaxCodeRef.value'),
    sales_item_unit_price: decimal('SalesItemLineDetail.UnitPrice'),
    sub_total_item_id: text('SubTotalLineDetail.ItemRef.value'),
    tax_code_id: never('text'),
  },
}

/** The lines inside a bundle's line. */
const invoiceLineBundle: View = {
  name: 'invoice_line_bundle',
  stream: 'invoices',
  lists: ['Line', 'GroupLineDetail.Line'],
  keys: ['invoice_id', 'invoice_line_index', 'index'],
  columns: {
    account_id: text('SalesItemLineDetail.ItemAccountRef.value'),
    amount: decimal('Amount'),
    class_id: text('SalesItemLineDetail.ClassRef.value'),
    description: text('Description'),
    discount_amount: decimal('SalesItemLineDetail.DiscountAmt'),
    discount_rate: decimal('SalesItemLineDetail.DiscountRate'),
    item_id: text('SalesItemLineDetail.ItemRef.value'),
    line_num: whole('LineNum'),
    quantity: decimal('SalesItemLineDetail.Qty'),
    sales_item_account_id: text('SalesItemLineDetail.ItemAccountRef.value'),
    sales_item_item_id: text('SalesItemLineDetail.ItemRef.value'),
    sales_item_quantity: decimal('SalesItemLineDetail.Qty'),
    sales_item_tax_code_id: text('SalesItemLineDetail.TaxCodeRef.value'),
    service_date: date('SalesItemLineDetail.ServiceDate'),
    tax_code_id: text('SalesItemLineDetail.TaxCodeRef.value'),
    unit_price: decimal('SalesItemLineDetail.UnitPrice'),
  },
}

const invoiceLinkedTxn: View = {
  name: 'invoice_linked_txn',
  stream: 'invoices',
  lists: ['LinkedTxn'],
  keys: ['invoice_id', 'index'],
  columns: {
    charge_credit_id: only('TxnId', 'TxnType', 'ChargeCredit'),
    estimate_id: only('TxnId', 'TxnType', 'Estimate'),
    payment_id: only('TxnId', 'TxnType', 'Payment'),
    reimburse_charge_id: only('TxnId', 'TxnType', 'ReimburseCharge'),
    statement_charge_id: only('TxnId', 'TxnType', 'StatementCharge'),
    time_activity_id: only('TxnId', 'TxnType', 'TimeActivity'),
  },
}

const customer: View = {
  name: 'customer',
  stream: 'customers',
  keys: ['id'],
  columns: {
    active: flag('Active'),
    alternate_phone_number: text('AlternatePhone.FreeFormNumber'),
    ar_account_id: text('ARAccountRef.value'),
    balance: decimal('Balance'),
    balance_with_jobs: decimal('BalanceWithJobs'),
    bill_address_id: text('BillAddr.Id'),
    bill_with_parent: flag('BillWithParent'),
    company_name: text('CompanyName'),
    ...times,
    currency_id: text('CurrencyRef.value'),
    customer_type_id: text('CustomerTypeRef.value'),
    default_tax_code_id: text('DefaultTaxCodeRef.value'),
    display_name: text('DisplayName'),
    email: text('PrimaryEmailAddr.Address'),
    family_name: text('FamilyName'),
    fax_number: text('Fax.FreeFormNumber'),
    fully_qualified_name: text('FullyQualifiedName'),
    given_name: text('GivenName'),
    job: flag('Job'),
    level: text('Level'),
    middle_name: text('MiddleName'),
    mobile_number: text('Mobile.FreeFormNumber'),
    notes: text('Notes'),
    open_balance_date: date('OpenBalanceDate'),
    parent_customer_id: text('ParentRef.value'),
    payment_method_id: text('PaymentMethodRef.value'),
    phone_number: text('PrimaryPhone.FreeFormNumber'),
    preferred_delivery_method: text('PreferredDeliveryMethod'),
    print_on_check_name: text('PrintOnCheckName'),
    resale_number: text('ResaleNum'),
    sales_term_id: text('SalesTermRef.value'),
    shipping_address_id: text('ShipAddr.Id'),
    suffix: text('Suffix'),
    sync_token: text('SyncToken'),
    tax_exemption_reason_id: text('TaxExemptionReasonId'),
    taxable: flag('Taxable'),
    title: text('Title'),
    website: text('WebAddr.URI'),
  },
}

const item: View = {
  name: 'item',
  stream: 'items',
  keys: ['id'],
  columns: {
    active: flag('Active'),
    asset_account_id: text('AssetAccountRef.value'),
    ...times,
    description: text('Description'),
    expense_account_id: text('ExpenseAccountRef.value'),
    fully_qualified_name: text('FullyQualifiedName'),
    income_account_id: text('IncomeAccountRef.value'),
    inventory_start_date: date('InvStartDate'),
    level: text('Level'),
    name: text('Name'),
    parent_item_id: text('ParentRef.value'),
    purchase_cost: decimal('PurchaseCost'),
    purchase_description: text('PurchaseDesc'),
    purchase_tax_code_id: text('PurchaseTaxCodeRef.value'),
    purchase_tax_included: flag('PurchaseTaxIncluded'),
    quantity_on_hand: decimal('QtyOnHand'),
    sales_tax_code_id: text('SalesTaxCodeRef.value'),
    sales_tax_included: flag('SalesTaxIncluded'),
    stock_keeping_unit: text('Sku'),
    sub_item: flag('SubItem'),
    sync_token: text('SyncToken'),
    taxable: flag('Taxable'),
    track_quantity_on_hand: flag('TrackQtyOnHand'),
    type: text('Type'),
    unit_price: decimal('UnitPrice'),
  },
}

/** Bundles are items of their own type; `item` has them too. */
const bundle: View = {
  name: 'bundle',
  stream: 'items',
  where: { path: 'Type', value: 'Group' },
  keys: ['id'],
  columns: {
    active: flag('Active'),
    ...times,
    description: text('Description'),
    fully_qualified_name: text('FullyQualifiedName'),
    name: text('Name'),
    print_grouped_items: flag('PrintGroupedItems'),
    purchase_cost: decimal('PurchaseCost'),
    sync_token: text('SyncToken'),
    taxable: flag('Taxable'),
    unit_price: decimal('UnitPrice'),
  },
}

const bundleItem: View = {
  name: 'bundle_item',
  stream: 'items',
  lists: ['ItemGroupDetail.ItemGroupLine'],
  keys: ['bundle_id', 'index'],
  columns: { item_id: text('ItemRef.value'), item_quantity: decimal('Qty') },
}

/** The views of invoices, customers and items. */
export const SALES: readonly View[] = [
  invoice,
  invoiceLine,
  invoiceLineBundle,
  invoiceLinkedTxn,
  customer,
  item,
  bundle,
  bundleItem,
]
