import type { JsonSchema } from '@singer-io-ts/core'
import {
  address,
  bool,
  date,
  decimal,
  each,
  email,
  entity,
  integer,
  list,
  nameValues,
  object,
  phone,
  ref,
  text,
  website,
} from './parts.ts'

/** Members of a Customer. */
export const customer: { [name: string]: JsonSchema } = {
  ...entity,
  ...each(
    bool,
    'Organization Active Taxable Job BillWithParent TDSEnabled IsProject IsCISContractor',
  ),
  ...each(
    text,
    'Title GivenName MiddleName FamilyName Suffix FullyQualifiedName CompanyName DisplayName ' +
      'PrintOnCheckName UserId V4IDPseudonym ContactName AltContactName Notes AcctNum ' +
      'PreferredDeliveryMethod ResaleNum SecondaryTaxIdentifier PrimaryTaxIdentifier ' +
      'TaxExemptionReasonId BusinessNumber GSTIN GSTRegistrationType ClientCompanyId ' +
      'ClientEntityId Source TaxRegime',
  ),
  ...each(
    ref,
    'DefaultTaxCodeRef RootCustomerRef ParentRef CustomerTypeRef SalesTermRef SalesRepRef ' +
      'TaxGroupCodeRef TaxRateRef PaymentMethodRef PriceLevelRef CurrencyRef ARAccountRef',
  ),
  ...each(decimal, 'Balance BalanceWithJobs CreditLimit OverDueBalance TotalRevenue TotalExpense'),
  OpenBalanceDate: date,
  Level: integer,
  ...each(phone, 'PrimaryPhone AlternatePhone Mobile Fax'),
  PrimaryEmailAddr: email,
  WebAddr: website,
  ...each(address, 'BillAddr ShipAddr'),
  OtherAddr: list(address),
  OtherContactInfo: list(object()),
  ...each(object(), 'CCDetail JobInfo'),
  CustomerEx: nameValues,
}
