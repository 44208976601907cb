import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

test('the command prints a client config on stdout, serves, and stops on SIGTERM', async () => {
  const path = fileURLToPath(new URL('cli.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', path, '--invoices', '7', '--seed', '7'])
  const parts = { stdout: '', stderr: '' }
  child.stderr.on('data', (part) => {
    parts.stderr += part
  })
  while (!parts.stdout.endsWith('}\n')) parts.stdout += (await once(child.stdout, 'data'))[0]
  const config = JSON.parse(parts.stdout)
  expect(Object.keys(config)).toEqual([
    'client_id',
    'client_secret',
    'refresh_token',
    'realm_id',
    'base_url',
    'token_url',
    'authorize_url',
    'start_date',
  ])
  expect(config.base_url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  const rows = await (await fetch(`${config.base_url}/_simulator/rows?entity=Invoice`)).text()
  expect(rows.trimEnd().split('\n')).toHaveLength(7)
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  expect((await ended)[0]).toBe(0)
  expect(parts.stderr).toContain('7 Invoice')
})
