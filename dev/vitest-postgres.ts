/**
 * One Postgres for a whole run of vitest (`globalSetup`): the server of DATABASE_URL, else a
 * temporary embedded one. Each test file makes databases of its own on it with `testDatabase()`.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import type { TestProject } from 'vitest/node'
import { ask, createDatabase, startPostgres } from './postgres.ts'

declare module 'vitest' {
  interface ProvidedContext {
    postgres: { connectionString: string; prefix: string }
  }
}

/** A disk that keeps nothing is as good for a test, and faster. */
const settings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }

/** A fresh, empty database; resolves to its connection string. It goes at the end of the run. */
export async function testDatabase(): Promise<string> {
  const postgres = inject('postgres')
  if (!postgres) throw new Error('vitest.config.ts must name dev/vitest-postgres.ts as globalSetup')
  return createDatabase(postgres.connectionString, postgres.prefix + randomBytes(4).toString('hex'))
}

export async function setup(project: Pick<TestProject, 'provide'>) {
  const prefix = `test_${randomBytes(4).toString('hex')}_`
  const given = process.env.DATABASE_URL
  if (given) {
    project.provide('postgres', { connectionString: given, prefix })
    return () => dropDatabases(given, prefix)
  }
  const { connectionString, stop } = await startPostgres({ settings })
  project.provide('postgres', { connectionString, prefix })
  return () => stop('immediate')
}

/** A server that is not ours gets back what it lent. */
async function dropDatabases(connectionString: string, prefix: string) {
  const sql = 'select datname from pg_database where starts_with(datname, $1)'
  for (const { datname } of await ask(connectionString, sql, [prefix])) {
    await ask(connectionString, `drop database ${pg.escapeIdentifier(datname)} with (force)`)
  }
}
