import type pg from 'pg'
import { codeOf, MISSING_RIGHT } from './errors.ts'
import { name } from './sql.ts'

/**
 * Runs a statement that makes or changes something. Where the right to it is missing, the error
 * gets a hint that says what to do.
 */
export async function define(client: pg.Client, statement: string, remedy: string): Promise<void> {
  try {
    await client.query(statement)
  } catch (thrown) {
    if (codeOf(thrown) === MISSING_RIGHT) Object.assign(thrown as Error, { hint: remedy })
    throw thrown
  }
}

/** For a new schema. */
export function toCreateSchema(client: pg.Client, schema: string): string {
  const { user, database } = namesOf(client)
  return (
    `Let an administrator run: create schema ${name(schema)} authorization ${user}; ` +
    `or: grant create on database ${database} to ${user};`
  )
}

/** For a new table. */
export function toCreateTable(client: pg.Client, schema: string): string {
  return (
    `Let the owner of the schema run: grant create on schema ${name(schema)} to ${namesOf(client).user}; ` +
    'or load once as the owner, who makes the table.'
  )
}

/** For a new view. */
export function toCreateView(client: pg.Client, schema: string): string {
  return (
    `Let the owner of the schema run: grant create on schema ${name(schema)} to ${namesOf(client).user}; ` +
    'or give him the SQL, which --print prints. A view that stands can only be replaced by its owner.'
  )
}

/** For another column. */
export function toAlterTable(statement: string): string {
  return `Let the owner of the table run: ${statement};`
}

/** For the staging table. */
export function toStage(client: pg.Client): string {
  const { user, database } = namesOf(client)
  return `Let the owner of the database run: grant temporary on database ${database} to ${user};`
}

/** For tables that stand. */
export function toUse(
  { schema, connection }: { schema: string; connection: { user: string } },
  rights: string,
): string {
  const [where, who] = [name(schema), name(connection.user)]
  return (
    `Let the owner of the schema run: grant usage on schema ${where} to ${who}; ` +
    `grant ${rights} on all tables in schema ${where} to ${who};`
  )
}

function namesOf({ user, database }: pg.Client): { user: string; database: string } {
  return { user: name(user ?? ''), database: name(database ?? '') }
}
