#!/usr/bin/env node
/**
 * Runs a command at once and then every so many seconds, never twice at a time, until SIGTERM or
 * SIGINT, which ends the command too: `every.mjs 86400 meltano run qb_backfill`. One that fails is
 * told and comes again when it is due; until one has ended well, the file /tmp/last-run-failed says so.
 */
import { spawn } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'

const [seconds, command, ...args] = process.argv.slice(2)
const pauseMs = Number(seconds) * 1000
// A timer holds no more than 24 days.
if (!(pauseMs > 0 && pauseMs < 2 ** 31) || command === undefined) {
  console.error('every.mjs SECONDS COMMAND [ARGUMENT…], with at most 2147483 seconds')
  process.exit(2)
}
const failedFile = join(tmpdir(), 'last-run-failed')

let stop = () => {}
let stoppedBy
for (const signal of ['SIGTERM', 'SIGINT'])
  process.on(signal, () => {
    stoppedBy ??= signal
    stop()
  })

/** Undefined when the command has ended well, else what it ended with. */
function run() {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
    stop = () => child.kill('SIGTERM')
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) =>
      resolve(code === 0 ? undefined : (signal ?? `exit ${code}`)),
    )
  })
}

function waitUntil(instant) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, Math.max(0, instant - Date.now()))
    stop = () => {
      clearTimeout(timer)
      resolve()
    }
  })
}

rmSync(failedFile, { force: true })
while (stoppedBy === undefined) {
  const due = Date.now() + pauseMs
  const failure = await run()
  if (stoppedBy !== undefined) break
  const next = `next run at ${new Date(Math.max(due, Date.now())).toISOString()}`
  if (failure === undefined) {
    rmSync(failedFile, { force: true })
    console.error(`every: ${command} has ended well; ${next}`)
  } else {
    writeFileSync(failedFile, `${new Date().toISOString()} ${failure}\n`)
    console.error(`every: ${command} FAILED (${failure}); ${next}`)
  }
  await waitUntil(due)
}
console.error(`every: stopped by ${stoppedBy}`)
process.exit(128 + constants.signals[stoppedBy])
