import type { JsonSchema } from '@singer-io-ts/core'
import {
  bool,
  date,
  decimal,
  each,
  entity,
  integer,
  list,
  nameValues,
  object,
  ref,
  text,
} from './parts.ts'

const groupLines = list(object({ ItemRef: ref, Qty: decimal, UOMRef: ref }))

/** Members of an Item. */
export const item: { [name: string]: JsonSchema } = {
  ...entity,
  ...each(
    bool,
    'Active SubItem Taxable SalesTaxIncluded PercentBased PurchaseTaxIncluded TrackQtyOnHand ' +
      'PrintGroupedItems SpecialItem DeferredRevenue',
  ),
  ...each(
    text,
    'Name Sku Description FullyQualifiedName Type PurchaseDesc ManPartNum SpecialItemType ' +
      'ServiceType ItemCategoryType UQCDisplayText UQCId Source',
  ),
  ...each(
    decimal,
    'UnitPrice RatePercent PurchaseCost AvgCost QtyOnHand QtyOnPurchaseOrder QtyOnSalesOrder ' +
      'ReorderPoint BuildPoint AbatementRate ReverseChargeRate',
  ),
  Level: integer,
  InvStartDate: date,
  ...each(
    ref,
    'ParentRef PaymentMethodRef UOMSetRef IncomeAccountRef ExpenseAccountRef COGSAccountRef ' +
      'AssetAccountRef PrefVendorRef DepositToAccountRef SalesTaxCodeRef PurchaseTaxCodeRef ' +
      'TaxClassificationRef ClassRef',
  ),
  ItemGroupDetail: object({ ItemGroupLine: groupLines }),
  ItemAssemblyDetail: object({ ItemAssemblyLine: groupLines }),
  ItemEx: nameValues,
  CustomExtensions: list(object()),
}
