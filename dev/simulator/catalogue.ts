// What QuickBooks knows about its entities: which exist, which hide inactive rows, which count.

/** How a property may be used in a query, and how its values compare. */
export type Field = {
  /** Dotted path in QuickBooks' own spelling. */
  path: string
  kind: 'text' | 'number' | 'id' | 'time' | 'date' | 'boolean' | 'reference'
  filter: boolean
  sort: boolean
}

export type Entity = {
  name: string
  /** Name lists cannot be deleted, transactions have no Active flag. */
  kind: 'names' | 'transactions' | 'other'
  /** Accepts and defaults the Active clause. */
  active: boolean
  /** Its pages carry `totalCount`. */
  totalCount: boolean
  /** Change data capture knows it. */
  cdc: boolean
  /** Unsorted name lists come back by this property. */
  orderedBy: string
  /** Queryable properties by lower-case path. */
  fields: Map<string, Field>
  /** Lower-case names of properties that exist but cannot be queried. */
  others: Set<string>
}

type Spec = [path: string, kind: Field['kind'], use?: 'filter' | 'sort']

const base: Spec[] = [
  ['Id', 'id'],
  ['MetaData.CreateTime', 'time'],
  ['MetaData.LastUpdatedTime', 'time'],
]

const transaction: Spec[] = [
  ['DocNumber', 'text'],
  ['TxnDate', 'date'],
  ['TotalAmt', 'number'],
]

const fieldsOf: Record<string, Spec[]> = {
  Invoice: [
    ...transaction,
    ['DueDate', 'date'],
    ['Balance', 'number'],
    ['CustomerRef', 'reference', 'filter'],
    ['SalesTermRef', 'reference', 'filter'],
    ['ProjectRef', 'reference', 'filter'],
  ],
  Customer: [
    ['DisplayName', 'text'],
    ['GivenName', 'text'],
    ['MiddleName', 'text'],
    ['FamilyName', 'text'],
    ['CompanyName', 'text'],
    ['FullyQualifiedName', 'text'],
    ['PrintOnCheckName', 'text'],
    ['Active', 'boolean'],
    ['Balance', 'number'],
    ['PrimaryEmailAddr', 'text', 'filter'],
    ['BalanceWithJobs', 'number', 'sort'],
  ],
  Item: [
    ['Name', 'text'],
    ['FullyQualifiedName', 'text'],
    ['Type', 'text'],
    ['Sku', 'text'],
    ['Active', 'boolean'],
  ],
}

const known: Record<string, string> = {
  Invoice:
    'AllowIPNPayment AllowOnlinePayment AllowOnlineCreditCardPayment AllowOnlineACHPayment ' +
    'CustomField CurrencyRef ExchangeRate PrivateNote LinkedTxn Line TxnTaxDetail CustomerMemo ' +
    'BillAddr ShipAddr ShipFromAddr FreeFormAddress GlobalTaxCalculation HomeTotalAmt HomeBalance ' +
    'ApplyTaxAfterDiscount PrintStatus EmailStatus BillEmail BillEmailCc BillEmailBcc ' +
    'DeliveryInfo DepartmentRef ClassRef ShipMethodRef ShipDate TrackingNum Deposit AccountRef',
  Customer:
    'Taxable BillAddr ShipAddr Job BillWithParent ParentRef Level CurrencyRef Notes ' +
    'PreferredDeliveryMethod IsProject ClientEntityId V4IDPseudonym PrimaryPhone AlternatePhone ' +
    'Mobile Fax WebAddr Title Suffix CustomerTypeRef SalesTermRef DefaultTaxCodeRef ' +
    'PaymentMethodRef ResaleNum',
  Item:
    'Description SubItem ParentRef Level Taxable UnitPrice IncomeAccountRef PurchaseDesc ' +
    'PurchaseCost ExpenseAccountRef AssetAccountRef TrackQtyOnHand QtyOnHand InvStartDate ' +
    'ItemGroupDetail PrintGroupedItems ReorderPoint PrefVendorRef SalesTaxCodeRef ClassRef',
}

const names =
  'Account Class CompanyCurrency Customer CustomerType Department Employee Item PaymentMethod ' +
  'TaxAgency TaxCode TaxRate Term Vendor JournalCode'
const transactions =
  'Bill BillPayment CreditMemo Deposit Estimate InventoryAdjustment Invoice JournalEntry Payment ' +
  'Purchase PurchaseOrder RefundReceipt ReimburseCharge SalesReceipt TimeActivity Transfer ' +
  'VendorCredit'
const others =
  'Attachable Budget CompanyInfo ExchangeRate Preferences RecurringTransaction TaxClassification'

const withActive = new Set(
  (
    'Account Budget Class Customer Department Employee Item PaymentMethod TaxCode TaxRate Term ' +
    'Vendor'
  ).split(' '),
)
const withTotalCount = new Set(
  'Invoice Bill BillPayment Deposit JournalEntry PurchaseOrder'.split(' '),
)
const withoutCdc = new Set('JournalCode TaxAgency TimeActivity TaxCode TaxRate'.split(' '))
const byQualifiedName = new Set('Account Class Customer Department Item'.split(' '))
const byDisplayName = new Set('Employee Vendor'.split(' '))

function describe(name: string, kind: Entity['kind']): Entity {
  const active = withActive.has(name)
  const generic: Spec[] =
    kind === 'transactions'
      ? transaction
      : [
          ['Name', 'text'],
          ['DisplayName', 'text'],
          ...(active ? [['Active', 'boolean'] as Spec] : []),
        ]
  const fields = new Map<string, Field>()
  for (const [path, type, use] of [...base, ...(fieldsOf[name] ?? generic)]) {
    const field = { path, kind: type, filter: use !== 'sort', sort: use !== 'filter' }
    fields.set(path.toLowerCase(), field)
  }
  const orderedBy = byQualifiedName.has(name)
    ? 'FullyQualifiedName'
    : byDisplayName.has(name)
      ? 'DisplayName'
      : 'Name'
  const spare = `SyncToken MetaData domain sparse DepartmentRef AccountRef ${known[name] ?? ''}`
  return {
    name,
    kind,
    active,
    totalCount: withTotalCount.has(name),
    cdc: !withoutCdc.has(name),
    orderedBy,
    fields,
    others: new Set(spare.toLowerCase().split(' ')),
  }
}

const entities = new Map<string, Entity>()
for (const name of names.split(' ')) entities.set(name.toLowerCase(), describe(name, 'names'))
for (const name of transactions.split(' '))
  entities.set(name.toLowerCase(), describe(name, 'transactions'))
for (const name of others.split(' ')) entities.set(name.toLowerCase(), describe(name, 'other'))

/** The entity of that name in any case, undefined when QuickBooks has none. */
export function findEntity(name: string): Entity | undefined {
  return entities.get(name.toLowerCase())
}
