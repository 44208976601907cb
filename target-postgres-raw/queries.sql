-- Ready queries. All but the last are over the views that `target-postgres-raw views` makes, in the
-- schema quickbooks; the last over the tables themselves, in raw with the prefix qb_.

-- Open invoices by age, per currency. QuickBooks lists an invoice as open while its balance is not 0.
select currency_id,
       case when due_date is null then 'without a due date'
            when due_date >= current_date then 'not due yet'
            when due_date >= current_date - 30 then '1 to 30 days'
            when due_date >= current_date - 60 then '31 to 60 days'
            when due_date >= current_date - 90 then '61 to 90 days'
            else 'over 90 days' end as overdue,
       count(*) as invoices, sum(balance) as balance
  from quickbooks.invoice
 where not _fivetran_deleted and balance <> 0
 group by 1, 2
 order by 1, min(coalesce(due_date, '-infinity')) desc;

-- Revenue by month and item in home currency, before tax and before discounts on the whole invoice.
-- The lines inside a bundle count, the bundle's own line does not: QuickBooks gives it their sum, or 0.
with line as (
  select invoice_id, sales_item_item_id as item_id, sales_item_quantity as quantity, amount
    from quickbooks.invoice_line where detail_type = 'SalesItemLineDetail'
  union all
  select invoice_id, item_id, quantity, amount from quickbooks.invoice_line_bundle
)
select to_char(invoice.transaction_date, 'YYYY-MM') as month,
       line.item_id, coalesce(item.fully_qualified_name, line.item_id) as item,
       sum(line.quantity) as quantity,
       round(sum(line.amount * coalesce(invoice.exchange_rate, 1)), 2) as revenue
  from line
  join quickbooks.invoice on invoice.id = line.invoice_id and not invoice._fivetran_deleted
  left join quickbooks.item on item.id = line.item_id
 group by 1, 2, 3
 order by 1, 5 desc nulls last, 2;

-- What changed since yesterday: made, edited or deleted in QuickBooks in the last 24 hours.
with record as (
  select 'invoice' as kind, id, doc_number as name, created_at, updated_at, deleted_at from quickbooks.invoice
  union all
  select 'customer', id, display_name, created_at, updated_at, deleted_at from quickbooks.customer
  union all
  select 'item', id, name, created_at, updated_at, deleted_at from quickbooks.item
)
select kind, id, name, coalesce(deleted_at, updated_at) as at,
       case when deleted_at is not null then 'deleted'
            when created_at >= now() - interval '1 day' then 'new'
            else 'changed' end as what
  from record
 where coalesce(deleted_at, updated_at) >= now() - interval '1 day'
 order by at desc, kind, id;

-- Rows per window: what a load left behind, to compare with `tap-quickbooks count`.
select extract_window_start_utc, extract_window_end_utc,
       count(*) filter (where deleted_at_utc is null) as rows,
       count(deleted_at_utc) as deleted, max(ingested_at_utc) as last_written
  from raw.qb_invoices
 group by 1, 2
 order by 1, 2;
