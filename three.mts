import { spawn } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { startSimulator } from './dev/simulator/index.ts'
const [life, n, limits] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4] !== 'nolimits']
const sim = await startSimulator({ invoices: 400, customers: 200, items: 200, bursts: 0, accessTokenSeconds: life, ...(limits ? {} : { limits: false as const }) })
const dir = mkdtempSync('/tmp/mine/three-')
writeFileSync(`${dir}/c.json`, JSON.stringify({ ...sim.config, token_file: `${dir}/t.json`, page_size: 20, concurrency: Number(process.argv[5] ?? 4), settle_seconds: 0, backoff_seconds: 0.1 }))
const run = () => new Promise<void>((done) => {
  const child = spawn('node', ['tap-quickbooks/bin/tap-quickbooks.js', '-c', `${dir}/c.json`], { stdio: ['ignore', 'ignore', 'pipe'] })
  let err = ''
  child.stderr.on('data', (t) => { err += t })
  child.on('close', (code) => { console.log(code, err.trimEnd().split('\n').slice(-2).join('\n   ').slice(0, 400), (err.match(/has ended/g) ?? []).length); done() })
})
const t = Date.now()
await Promise.all(Array.from({ length: n }, run))
console.log(life, sim.stats().requests, sim.tokens.counts, sim.stats().statuses, (Date.now() - t) / 1000)
await sim.close()
