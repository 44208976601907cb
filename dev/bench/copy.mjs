// Plain COPY, as the yardstick: copy.mjs CONNECTION TABLE < rows
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from } from 'pg-copy-streams'

const [, , connectionString, table] = process.argv
const client = new pg.Client({ connectionString })
await client.connect()
await pipeline(process.stdin, client.query(from(`copy ${table} from stdin`)))
await client.end()
