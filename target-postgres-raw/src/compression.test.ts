import { expect, test } from 'vitest'
import { ask } from '../../dev/postgres.ts'
import { skip } from '../../dev/skip.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { load, record, schema } from '../fixtures/trial.ts'

const HOW =
  'select distinct pg_column_compression(payload) as payload, pg_column_compression(payload_source) as source from raw.s'
const text = 'a long text that is there many times '.repeat(200)

test('values are compressed by lz4 where the server has it and nobody has chosen', async (context) => {
  const database = await testDatabase()
  const { may } = (
    await ask(
      database,
      "select 'lz4' = any (enumvals) as may from pg_settings where name = 'default_toast_compression'",
    )
  )[0] as { may: boolean }
  if (!may) skip(context, 'this server is built without lz4')
  const messages = [schema('s'), record('s', { Id: 1, text: `${text}\0` })]
  expect((await load(database, messages)).code).toBe(0)
  expect(await ask(database, HOW)).toEqual([{ payload: 'lz4', source: 'lz4' }])
  const { name } = (await ask(database, 'select current_database() as name'))[0] as { name: string }
  await ask(database, 'truncate raw.s')
  await ask(database, `alter database "${name}" set default_toast_compression to pglz`)
  expect((await load(database, messages)).code).toBe(0)
  expect(await ask(database, HOW)).toEqual([{ payload: 'pglz', source: 'pglz' }])
})
