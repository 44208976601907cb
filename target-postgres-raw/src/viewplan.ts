import pg from 'pg'
import { LoadError } from './errors.ts'
import { name, qualified } from './sql.ts'
import type { Wish } from './viewsql.ts'

/** Where the views go, and of which tables they are. */
export type Place = { schema: string; rawSchema: string; prefix: string }

/** What makes the views, in order. */
export type Plan = { createsSchema: boolean; statements: string[] }

/** What stands in the schema under the name of a view. */
type Standing = {
  name: string
  kind: string
  comment: string
  /** Names and types, in order. */
  columns: string[]
  /** The statements that give others their rights to it again. */
  grants: string[]
}

/**
 * The statements that make the wished views out of what stands. One whose columns stay is replaced,
 * and keeps what depends on it; another is dropped and made again, with the rights that others had.
 * Throws LoadError where something stands there that is not a view of these tables.
 */
export async function planViews(
  client: pg.Client,
  place: Place,
  wishes: readonly Wish[],
): Promise<Plan> {
  const { schema } = place
  const { rows: schemas } = await client.query('select from pg_namespace where nspname = $1', [
    schema,
  ])
  const { rows } = await client.query<Standing>(SELECT_STANDING, [
    schema,
    wishes.map((wish) => wish.name),
  ])
  refuseOthers(place, rows)
  const standing = new Map(rows.map((row) => [row.name, row]))
  const changed = wishes.flatMap((wish) => {
    const stands = standing.get(wish.name)
    return stands === undefined || isKept(stands, wish) ? [] : [stands]
  })
  const createsSchema = schemas.length === 0
  const statements = createsSchema ? [`create schema ${name(schema)}`] : []
  if (changed.length > 0)
    statements.push(`drop view ${changed.map((view) => qualified(schema, view.name)).join(', ')}`)
  for (const wish of wishes) {
    const view = qualified(schema, wish.name)
    const isReplaced = standing.has(wish.name) && !changed.some((one) => one.name === wish.name)
    statements.push(
      `create ${isReplaced ? 'or replace ' : ''}view ${view} as\n${wish.query}`,
      `comment on view ${view} is ${pg.escapeLiteral(markOf(place))}`,
    )
  }
  statements.push(...changed.flatMap((view) => view.grants))
  return { createsSchema, statements }
}

const MARK = 'target-postgres-raw views of '

/** The comment on each view, by which it is known again. */
function markOf({ rawSchema, prefix }: Place): string {
  return `${MARK}${qualified(rawSchema, `${prefix}…`)}`
}

function refuseOthers(place: Place, standing: readonly Standing[]): void {
  const { schema } = place
  const ours = (one: Standing) => one.kind === 'v' && one.comment === markOf(place)
  const others = standing.filter((one) => !ours(one))
  if (others.length === 0) return
  const what = others.map((one) =>
    one.kind === 'v' && one.comment.startsWith(MARK)
      ? `${qualified(schema, one.name)} is a view of other tables (${one.comment.slice(MARK.length)})`
      : `${qualified(schema, one.name)} stands there already and is not of this program`,
  )
  throw new LoadError(`cannot make the views: ${what.join('; ')}`, {
    hint: 'Nothing was changed. Give another schema by --schema, or rename what stands there.',
  })
}

/** Whether CREATE OR REPLACE can do it: what there is stays, more may follow. */
function isKept(standing: Standing, { columns }: Wish): boolean {
  const wished = columns.map((column) => column.join(' '))
  return standing.columns.every((column, index) => column === wished[index])
}

const SELECT_STANDING = `
select c.relname as name, c.relkind as kind,
       coalesce(obj_description(c.oid, 'pg_class'), '') as comment,
       array(select attname || ' ' || format_type(atttypid, atttypmod) from pg_attribute
              where attrelid = c.oid and attnum > 0 and not attisdropped order by attnum) as columns,
       array(select format('grant %s on %I.%I to %s%s', privilege_type, n.nspname, c.relname,
                           case grantee when 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end,
                           case when is_grantable then ' with grant option' end)
               from aclexplode(c.relacl) where grantee <> c.relowner) as grants
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = $1 and c.relname = any($2) order by c.relname`
