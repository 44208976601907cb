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
  object,
  phone,
  ref,
  text,
  website,
} from './parts.ts'

type Members = { [name: string]: JsonSchema }

const named: Members = { ...entity, Name: text, Active: bool }

/** A name that can lie below another. */
const nested: Members = { ...named, SubItem: bool, ParentRef: ref, FullyQualifiedName: text }

const person: Members = {
  ...entity,
  Active: bool,
  Organization: bool,
  ...each(text, 'Title GivenName MiddleName FamilyName Suffix DisplayName PrintOnCheckName'),
  ...each(text, 'CompanyName V4IDPseudonym'),
  ...each(phone, 'PrimaryPhone AlternatePhone Mobile Fax'),
  PrimaryEmailAddr: email,
  WebAddr: website,
}

export const account: Members = {
  ...named,
  SubAccount: bool,
  ...each(ref, 'ParentRef CurrencyRef TaxCodeRef JournalCodeRef'),
  ...each(text, 'FullyQualifiedName Description Classification AccountType AccountSubType'),
  ...each(text, 'AcctNum AccountAlias TxnLocationType'),
  ...each(decimal, 'CurrentBalance CurrentBalanceWithSubAccounts'),
  OnlineBankingEnabled: bool,
}

/** A class is called Class by QuickBooks too; the word is taken here. */
export const classOfBooks: Members = { ...nested, SubClass: bool }

export const companyCurrency: Members = { ...named, Code: text, CustomField: list(object()) }

export const customerType: Members = named

export const department: Members = {
  ...nested,
  SubDepartment: bool,
  Address: address,
}

export const employee: Members = {
  ...person,
  ...each(text, 'SSN EmployeeNumber Gender EmployeeType'),
  ...each(bool, 'BillableTime UseTimeEntry'),
  ...each(decimal, 'BillRate CostRate'),
  ...each(date, 'BirthDate HiredDate ReleasedDate'),
  PrimaryAddr: address,
}

export const paymentMethod: Members = { ...named, Type: text }

export const taxAgency: Members = {
  ...entity,
  ...each(text, 'DisplayName TaxRegistrationNumber TaxAgencyConfig LastFileDate'),
  ...each(bool, 'TaxTrackedOnSales TaxTrackedOnPurchases'),
}

const rateList = object({
  TaxRateDetail: list(
    object({ TaxRateRef: ref, TaxTypeApplicable: text, TaxOrder: integer, TaxOnTaxOrder: integer }),
  ),
})

export const taxCode: Members = {
  ...named,
  Description: text,
  ...each(bool, 'Taxable TaxGroup Hidden'),
  TaxCodeConfigType: text,
  ...each(rateList, 'SalesTaxRateList PurchaseTaxRateList AdjustmentTaxRateList'),
}

export const taxRate: Members = {
  ...named,
  ...each(text, 'Description SpecialTaxType DisplayType'),
  RateValue: decimal,
  ...each(ref, 'AgencyRef TaxReturnLineRef'),
  EffectiveTaxRate: list(object({ RateValue: decimal, EffectiveDate: text, EndDate: text })),
}

export const term: Members = {
  ...named,
  Type: text,
  ...each(integer, 'DueDays DiscountDays DayOfMonthDue DueNextMonthDays DiscountDayOfMonth'),
  DiscountPercent: decimal,
}

export const vendor: Members = {
  ...person,
  ...each(text, 'AcctNum TaxIdentifier BusinessNumber GSTIN GSTRegistrationType TaxReportingBasis'),
  ...each(text, 'Source ContactName AltContactName Notes'),
  ...each(bool, 'Vendor1099 T4AEligible T5018Eligible HasTPAR'),
  ...each(decimal, 'Balance BillRate CostRate'),
  ...each(ref, 'TermRef CurrencyRef APAccountRef DefaultTaxCodeRef'),
  BillAddr: address,
  OtherContactInfo: object(),
  VendorPaymentBankDetail: object(),
}
