// Reads lines and parses each of them, as the yardstick of what a program in Node takes for them.
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

for await (const line of createInterface({ input: createReadStream(process.argv[2]) }))
  JSON.parse(line)
