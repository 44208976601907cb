import type { JsonSchema } from '@singer-io-ts/core'
import { customer } from './schemas/customer.ts'
import { invoice } from './schemas/invoice.ts'
import { item } from './schemas/item.ts'
import { origin } from './schemas/parts.ts'

/** A stream and how QuickBooks wants to be asked for it. */
export type Stream = {
  name: string
  /** QuickBooks' name for it in queries and answers. */
  entity: string
  /** A name list: inactive rows come only when the query asks for them. */
  hasActive: boolean
  selectedByDefault: boolean
  schema: JsonSchema
}

export const KEY_PROPERTIES: readonly string[] = ['Id']
export const REPLICATION_KEY = 'MetaData.LastUpdatedTime'

/** Members of QuickBooks' objects that are there whatever is selected. */
export const AUTOMATIC: readonly string[] = [...KEY_PROPERTIES, 'MetaData']

export const STREAMS: readonly Stream[] = [
  { name: 'invoices', entity: 'Invoice', hasActive: false, ...schemaOf(invoice) },
  { name: 'customers', entity: 'Customer', hasActive: true, ...schemaOf(customer) },
  { name: 'items', entity: 'Item', hasActive: true, ...schemaOf(item) },
]

function schemaOf(members: { [name: string]: JsonSchema }): {
  selectedByDefault: boolean
  schema: JsonSchema
} {
  return {
    selectedByDefault: true,
    schema: {
      type: 'object',
      properties: { ...members, ...origin },
      required: ['Id', 'MetaData'],
      additionalProperties: true,
    },
  }
}
