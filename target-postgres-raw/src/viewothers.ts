import { date, decimal, flag, only, text, time } from './viewcolumns.ts'
import { times, type View } from './viewlist.ts'

const account: View = {
  name: 'account',
  stream: 'accounts',
  keys: ['id'],
  columns: {
    account_number: text('AcctNum'),
    account_sub_type: text('AccountSubType'),
    account_type: text('AccountType'),
    active: flag('Active'),
    balance: decimal('CurrentBalance'),
    balance_with_sub_accounts: decimal('CurrentBalanceWithSubAccounts'),
    classification: text('Classification'),
    ...times,
    currency_id: text('CurrencyRef.value'),
    description: text('Description'),
    fully_qualified_name: text('FullyQualifiedName'),
    name: text('Name'),
    parent_account_id: text('ParentRef.value'),
    sub_account: flag('SubAccount'),
    sync_token: text('SyncToken'),
    tax_code_id: text('TaxCodeRef.value'),
  },
}

const customerType: View = {
  name: 'customer_type',
  stream: 'customer_types',
  keys: ['id'],
  columns: { active: flag('Active'), ...times, name: text('Name') },
}

const department: View = {
  name: 'department',
  stream: 'departments',
  keys: ['id'],
  columns: {
    active: flag('Active'),
    ...times,
    fully_qualified_name: text('FullyQualifiedName'),
    name: text('Name'),
    parent_department_id: text('ParentRef.value'),
    sub_department: flag('SubDepartment'),
    sync_token: text('SyncToken'),
  },
}

const vendor: View = {
  name: 'vendor',
  stream: 'vendors',
  keys: ['id'],
  columns: {
    account_number: text('AcctNum'),
    active: flag('Active'),
    alternate_phone: text('AlternatePhone.FreeFormNumber'),
    balance: decimal('Balance'),
    billing_address_id: text('BillAddr.Id'),
    company_name: text('CompanyName'),
    ...times,
    currency_id: text('CurrencyRef.value'),
    display_name: text('DisplayName'),
    email: text('PrimaryEmailAddr.Address'),
    family_name: text('FamilyName'),
    fax_number: text('Fax.FreeFormNumber'),
    given_name: text('GivenName'),
    middle_name: text('MiddleName'),
    mobile_phone: text('Mobile.FreeFormNumber'),
    other_contacts: text('OtherContactInfo'),
    primary_phone: text('PrimaryPhone.FreeFormNumber'),
    print_on_check_name: text('PrintOnCheckName'),
    suffix: text('Suffix'),
    sync_token: text('SyncToken'),
    tax_identifier: text('TaxIdentifier'),
    term_id: text('TermRef.value'),
    title: text('Title'),
    vendor_1099: flag('Vendor1099'),
    web_url: text('WebAddr.URI'),
  },
}

const charge = 'CreditCardPayment.CreditChargeInfo'
const chargeAnswer = 'CreditCardPayment.CreditChargeResponse'

const payment: View = {
  name: 'payment',
  stream: 'payments',
  keys: ['id'],
  columns: {
    ...times,
    credit_card_amount: decimal(`${charge}.Amount`),
    credit_card_auth_code: text(`${chargeAnswer}.AuthCode`),
    credit_card_billing_address_street: text(`${charge}.BillAddrStreet`),
    credit_card_cc_expiry_month: text(`${charge}.CcExpiryMonth`),
    credit_card_cc_expiry_year: text(`${charge}.CcExpiryYear`),
    credit_card_cctrans_id: text(`${chargeAnswer}.CCTransId`),
    credit_card_name_on_account: text(`${charge}.NameOnAcct`),
    credit_card_postal_code: text(`${charge}.PostalCode`),
    credit_card_process_payment: flag(`${charge}.ProcessPayment`),
    credit_card_status: text(`${chargeAnswer}.Status`),
    credit_card_transaction_authorization_time: time(`${chargeAnswer}.TxnAuthorizationTime`),
    credit_card_type: text(`${charge}.Type`),
    currency_id: text('CurrencyRef.value'),
    customer_id: text('CustomerRef.value'),
    deposit_to_account_id: text('DepositToAccountRef.value'),
    exchange_rate: decimal('ExchangeRate'),
    payment_method_id: text('PaymentMethodRef.value'),
    private_note: text('PrivateNote'),
    process_payment: flag('ProcessPayment'),
    receivable_account_id: text('ARAccountRef.value'),
    reference_number: text('PaymentRefNum'),
    sync_token: text('SyncToken'),
    total_amount: decimal('TotalAmt'),
    transaction_date: date('TxnDate'),
    transaction_source: text('TxnSource'),
    transaction_status: text('TxnStatus'),
    unapplied_amount: decimal('UnappliedAmt'),
  },
}

/** What a line of a payment is for: QuickBooks links each line to one transaction. */
const linked = (...kinds: string[]) => only('LinkedTxn.0.TxnId', 'LinkedTxn.0.TxnType', ...kinds)

const paymentLine: View = {
  name: 'payment_line',
  stream: 'payments',
  lists: ['Line'],
  keys: ['payment_id', 'index'],
  columns: {
    amount: decimal('Amount'),
    check_id: linked('Check'),
    credit_card_charge_id: linked('CreditCardCharge'),
    credit_card_credit_id: linked('CreditCardCredit'),
    credit_memo_id: linked('CreditMemo'),
    deposit_id: linked('Deposit'),
    expense_id: linked('Expense', 'Purchase'),
    invoice_id: linked('Invoice'),
    journal_entry_id: linked('JournalEntry'),
  },
}

/** Whom a purchase was from: EntityRef, whose type says which list it is in. */
const entity = (kind: string) => only('EntityRef.value', 'EntityRef.type', kind)

const purchase: View = {
  name: 'purchase',
  stream: 'purchases',
  keys: ['id'],
  columns: {
    account_id: text('AccountRef.value'),
    ...times,
    credit: flag('Credit'),
    currency_id: text('CurrencyRef.value'),
    customer_id: entity('Customer'),
    department_id: text('DepartmentRef.value'),
    doc_number: text('DocNumber'),
    employee_id: entity('Employee'),
    exchange_rate: decimal('ExchangeRate'),
    global_tax_calculation: text('GlobalTaxCalculation'),
    payment_method_id: text('PaymentMethodRef.value'),
    payment_type: text('PaymentType'),
    print_status: text('PrintStatus'),
    private_note: text('PrivateNote'),
    remit_to_address_id: text('RemitToAddr.Id'),
    sync_token: text('SyncToken'),
    tax_code_id: text('TxnTaxDetail.TxnTaxCodeRef.value'),
    total_amount: decimal('TotalAmt'),
    total_tax: decimal('TxnTaxDetail.TotalTax'),
    transaction_date: date('TxnDate'),
    transaction_source: text('TxnSource'),
    vendor_id: entity('Vendor'),
  },
}

const byAccount = 'AccountBasedExpenseLineDetail'
const byItem = 'ItemBasedExpenseLineDetail'

const purchaseLine: View = {
  name: 'purchase_line',
  stream: 'purchases',
  lists: ['Line'],
  keys: ['purchase_id', 'index'],
  columns: {
    account_expense_account_id: text(`${byAccount}.AccountRef.value`),
    account_expense_billable_status: text(`${byAccount}.BillableStatus`),
    account_expense_class_id: text(`${byAccount}.ClassRef.value`),
    account_expense_customer_id: text(`${byAccount}.CustomerRef.value`),
    account_expense_tax_amount: decimal(`${byAccount}.TaxAmount`),
    account_expense_tax_code_id: text(`${byAccount}.TaxCodeRef.value`),
    amount: decimal('Amount'),
    description: text('Description'),
    item_expense_billable_status: text(`${byItem}.BillableStatus`),
    item_expense_class_id: text(`${byItem}.ClassRef.value`),
    item_expense_customer_id: text(`${byItem}.CustomerRef.value`),
    item_expense_item_id: text(`${byItem}.ItemRef.value`),
    item_expense_quantity: decimal(`${byItem}.Qty`),
    item_expense_tax_code_id: text(`${byItem}.TaxCodeRef.value`),
    item_expense_unit_price: decimal(`${byItem}.UnitPrice`),
  },
}

/** The views without which the package runs no model, and those of payments. */
export const OTHERS: readonly View[] = [
  account,
  customerType,
  department,
  payment,
  paymentLine,
  purchase,
  purchaseLine,
  vendor,
]
