import { readFileSync } from 'node:fs'
import pg from 'pg'
import { beforeAll, expect, test } from 'vitest'
import { ask } from '../../dev/postgres.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { start } from '../fixtures/program.ts'
import { load } from '../fixtures/trial.ts'

const fixture = (name: string) =>
  readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8')

/** What the package asks of each table: macros/staging/get_…_columns of fivetran/dbt_quickbooks. */
const PACKAGE: { [view: string]: string } = {
  invoice:
    'id allow_ipnpayment allow_online_achpayment allow_online_credit_card_payment allow_online_payment apply_tax_after_discount balance billing_address_id billing_bcc_email billing_cc_email billing_email class_id created_at currency_id custom_p_o_number custom_sales_rep customer_id customer_memo delivery_time delivery_type department_id deposit deposit_to_account_id doc_number due_date email_status exchange_rate global_tax_calculation home_balance home_total_amount print_status private_note sales_term_id ship_date shipping_address_id sync_token tax_code_id total_amount total_tax tracking_number transaction_date transaction_source updated_at _fivetran_deleted',
  invoice_line:
    'account_id amount bundle_id bundle_quantity description description_service_date description_tax_code_id detail_type discount_account_id discount_class_id discount_discount_percent discount_percent_based discount_tax_code_id index invoice_id item_id quantity sales_item_account_id sales_item_class_id sales_item_discount_amount sales_item_discount_rate sales_item_item_id sales_item_quantity sales_item_service_date sales_item_tax_code_id sales_item_unit_price sub_total_item_id tax_code_id',
  invoice_line_bundle:
    'account_id amount class_id description discount_amount discount_rate index invoice_id invoice_line_index item_id line_num quantity sales_item_account_id sales_item_item_id sales_item_quantity sales_item_tax_code_id service_date tax_code_id unit_price',
  invoice_linked_txn:
    'charge_credit_id estimate_id index invoice_id payment_id reimburse_charge_id statement_charge_id time_activity_id',
  customer:
    'id active alternate_phone_number ar_account_id balance balance_with_jobs bill_address_id bill_with_parent company_name created_at currency_id customer_type_id default_tax_code_id display_name email family_name fax_number fully_qualified_name given_name job level middle_name mobile_number notes open_balance_date parent_customer_id payment_method_id phone_number preferred_delivery_method print_on_check_name resale_number sales_term_id shipping_address_id suffix sync_token tax_exemption_reason_id taxable title updated_at website _fivetran_deleted',
  item: 'id active asset_account_id created_at description expense_account_id fully_qualified_name income_account_id inventory_start_date level name parent_item_id purchase_cost purchase_description purchase_tax_code_id purchase_tax_included quantity_on_hand sales_tax_code_id sales_tax_included stock_keeping_unit sub_item sync_token taxable track_quantity_on_hand type unit_price updated_at _fivetran_deleted',
  address:
    'id city country country_sub_division_code latitude line_1 line_2 line_3 line_4 line_5 longitude postal_code',
  bundle:
    'id active created_at description fully_qualified_name name print_grouped_items purchase_cost sync_token taxable unit_price updated_at _fivetran_deleted',
  bundle_item: 'bundle_id item_id item_quantity',
  account:
    'id account_number account_sub_type account_type active balance balance_with_sub_accounts classification created_at currency_id description fully_qualified_name name parent_account_id sub_account sync_token tax_code_id updated_at _fivetran_deleted',
  customer_type: 'id active created_at name updated_at _fivetran_deleted',
  department:
    'id active created_at fully_qualified_name name parent_department_id sub_department sync_token updated_at _fivetran_deleted',
  payment:
    'id created_at credit_card_amount credit_card_auth_code credit_card_billing_address_street credit_card_cc_expiry_month credit_card_cc_expiry_year credit_card_cctrans_id credit_card_name_on_account credit_card_postal_code credit_card_process_payment credit_card_status credit_card_transaction_authorization_time credit_card_type currency_id customer_id deposit_to_account_id exchange_rate payment_method_id private_note process_payment receivable_account_id reference_number sync_token total_amount transaction_date transaction_source transaction_status unapplied_amount updated_at _fivetran_deleted',
  payment_line:
    'amount check_id credit_card_charge_id credit_card_credit_id credit_memo_id deposit_id expense_id index invoice_id journal_entry_id payment_id',
  purchase:
    'id account_id created_at credit currency_id customer_id department_id doc_number employee_id exchange_rate global_tax_calculation payment_method_id payment_type print_status private_note remit_to_address_id sync_token tax_code_id total_amount total_tax transaction_date transaction_source updated_at vendor_id _fivetran_deleted',
  purchase_line:
    'account_expense_account_id account_expense_billable_status account_expense_class_id account_expense_customer_id account_expense_tax_amount account_expense_tax_code_id amount description index item_expense_billable_status item_expense_class_id item_expense_customer_id item_expense_item_id item_expense_quantity item_expense_tax_code_id item_expense_unit_price purchase_id',
  vendor:
    'id account_number active alternate_phone balance billing_address_id company_name created_at currency_id display_name email family_name fax_number given_name id middle_name mobile_phone other_contacts primary_phone print_on_check_name suffix sync_token tax_identifier term_id title updated_at vendor_1099 web_url _fivetran_deleted',
}

/** Beside those of the package. */
const OWN = ['_fivetran_deleted', '_fivetran_synced', 'deleted_at']

let database: string

beforeAll(async () => {
  database = await testDatabase()
  expect((await load(database, fixture('quickbooks.jsonl'))).code).toBe(0)
  expect(await start(['views'], { connection_string: database }).ended).toMatchObject({ code: 0 })
})

test('every view has the columns that dbt_quickbooks reads, and but for three no other', async () => {
  const rows = await ask(
    database,
    `select table_name as view, array_agg(column_name::text) as columns
       from information_schema.columns where table_schema = 'quickbooks' group by 1`,
  )
  const found = Object.fromEntries(rows.map(({ view, columns }) => [view, columns.sort()]))
  const wanted = Object.entries(PACKAGE).map(([view, columns]) => [
    view,
    [
      ...new Set([...columns.split(' '), ...OWN, ...(view === 'bundle_item' ? ['index'] : [])]),
    ].sort(),
  ])
  expect(found).toEqual(Object.fromEntries(wanted))
})

test('every column has its type and its value', async () => {
  const lines: string[] = []
  const client = new pg.Client({ connectionString: database })
  await client.connect()
  await client.query("set timezone to 'UTC'")
  for (const view of Object.keys(PACKAGE)) {
    const { rows: columns } = await client.query(
      `select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
        where attrelid = $1::regclass and attname <> '_fivetran_synced' order by attnum`,
      [`quickbooks.${view}`],
    )
    const order = columns.some(({ name }) => name === 'index') ? 'index' : 'id'
    for (const { name, type } of columns) {
      const { rows } = await client.query(
        `select v.${pg.escapeIdentifier(name)}::text as value from quickbooks.${view} v order by v.${order}`,
      )
      lines.push(`${view}.${name} (${type}): ${rows.map(({ value }) => value ?? '-').join(' | ')}`)
    }
  }
  await client.end()
  expect(lines).toEqual(fixture('views.txt').trimEnd().split('\n'))
})
