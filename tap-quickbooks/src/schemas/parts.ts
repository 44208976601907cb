import type { JsonSchema } from '@singer-io-ts/core'

/**
 * The parts that QuickBooks' objects are made of. Every object lets further members pass, since
 * QuickBooks adds fields without notice; every part may be null, absent is the usual way to say so.
 */

export const text: JsonSchema = { type: ['string', 'null'] }
export const bool: JsonSchema = { type: ['boolean', 'null'] }
export const decimal: JsonSchema = { type: ['number', 'null'] }
export const integer: JsonSchema = { type: ['integer', 'null'] }
export const date: JsonSchema = { type: ['string', 'null'], format: 'date' }
export const dateTime: JsonSchema = { type: ['string', 'null'], format: 'date-time' }

/** An object with these members, and any other. */
export function object(properties: { [name: string]: JsonSchema } = {}): JsonSchema {
  return { type: ['object', 'null'], properties, additionalProperties: true }
}

/** A list. */
export function list(items: JsonSchema): JsonSchema {
  return { type: ['array', 'null'], items }
}

/** The same schema under several names. */
export function each(schema: JsonSchema, names: string): { [name: string]: JsonSchema } {
  return Object.fromEntries(names.split(' ').map((name) => [name, schema]))
}

/** A reference to another object: `{"value": "1", "name": "…"}`. */
export const ref: JsonSchema = object({ value: text, name: text, type: text })

export const address: JsonSchema = object(
  each(
    text,
    'Id Line1 Line2 Line3 Line4 Line5 City Country CountryCode County CountrySubDivisionCode ' +
      'PostalCode PostalCodeSuffix Lat Long Tag Note',
  ),
)
export const phone: JsonSchema = object({ FreeFormNumber: text })
export const email: JsonSchema = object({ Address: text })
export const website: JsonSchema = object({ URI: text })
export const memo: JsonSchema = object({ value: text })

/** Free name and value pairs, as in InvoiceEx. */
export const nameValues: JsonSchema = object({
  any: list(object({ name: text, value: object({ Name: text, Value: text }) })),
})

export const customField: JsonSchema = object({
  ...each(text, 'DefinitionId Name Type StringValue'),
  BooleanValue: bool,
  NumberValue: decimal,
  DateValue: text,
})

/** Members of every QuickBooks object. Id and MetaData.LastUpdatedTime are always there. */
export const entity: { [name: string]: JsonSchema } = {
  Id: { type: 'string' },
  SyncToken: text,
  MetaData: {
    type: 'object',
    properties: {
      CreateTime: dateTime,
      LastUpdatedTime: { type: 'string', format: 'date-time' },
      CreatedByRef: ref,
      LastModifiedByRef: ref,
      LastChangedInQB: dateTime,
      Synchronized: bool,
    },
    additionalProperties: true,
  },
  domain: text,
  sparse: bool,
  status: text,
  CustomField: list(customField),
  AttachableRef: list(object({ EntityRef: ref, IncludeOnSend: bool, LineInfo: text })),
}

/** What the tap adds to each record: when it went away, and the request that returned it. */
export const origin: { [name: string]: JsonSchema } = {
  _sdc_deleted_at: dateTime,
  _sdc_extract_window_start_utc: dateTime,
  _sdc_extract_window_end_utc: dateTime,
  _sdc_page_number: integer,
  _sdc_page_size: integer,
  _sdc_request_payload: object({ method: text, path: text, query: text }),
}
