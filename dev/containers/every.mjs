#!/usr/bin/env node
/**
 * Runs a command at once and then every so many seconds, never twice at a time, until SIGTERM or
 * SIGINT, which ends the command too: `every.mjs 86400 meltano run qb_backfill`. One that fails is
 * told and comes again when it is due; before any has ended well after 5, 10, 20, … minutes, if that
 * is sooner. `every.mjs health`, in the same container, ends with 1 where the last run failed, or where
 * none has ended well for an interval and another one, of a day at least.
 */
import { spawn } from 'node:child_process'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'

const FIRST_PAUSE_MS = 5 * 60_000
const DAY_MS = 86_400_000
// A timer holds no more.
const MOST_SECONDS = 2_147_483

const report = join(tmpdir(), 'every.json')
const [seconds, command, ...args] = process.argv.slice(2)
if (seconds === 'health' && command === undefined) tellHealth()
const pauseMs = Number(seconds) * 1000
if (!/^\d+(\.\d+)?$/.test(seconds ?? '') || !(pauseMs > 0) || pauseMs > MOST_SECONDS * 1000) {
  const found = seconds === undefined ? 'nothing' : JSON.stringify(seconds)
  refuse(
    `SECONDS is ${found}, and must be a number in digits, more than 0, at most ${MOST_SECONDS}`,
  )
}
if (command === undefined) refuse('COMMAND is missing')

function refuse(fault) {
  console.error(`every: ${fault}\nevery.mjs SECONDS COMMAND [ARGUMENT…], or every.mjs health`)
  process.exit(2)
}

/** `since` is when the last good run ended, before it when this began. */
function writeReport(since, failure) {
  const healthyUntil = since + pauseMs + Math.max(pauseMs, DAY_MS)
  writeFileSync(`${report}.new`, JSON.stringify({ since, healthyUntil, failure }))
  renameSync(`${report}.new`, report)
}

function tellHealth() {
  const { since, healthyUntil, failure } = JSON.parse(readFileSync(report, 'utf8'))
  const isLate = Date.now() > healthyUntil
  if (failure !== undefined) console.log(`The last run failed: ${failure}`)
  if (isLate) console.log(`No run has ended well since ${new Date(since).toISOString()}`)
  process.exit(failure !== undefined || isLate ? 1 : 0)
}

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

let firstPauseMs = FIRST_PAUSE_MS
let since = Date.now()
writeReport(since)
while (stoppedBy === undefined) {
  const begun = Date.now()
  const failure = await run()
  if (stoppedBy !== undefined) break
  const ended = Date.now()
  let due = Math.max(begun + pauseMs, ended)
  if (failure === undefined) {
    since = ended
    firstPauseMs = Number.POSITIVE_INFINITY
  } else {
    due = Math.min(due, ended + firstPauseMs)
    firstPauseMs *= 2
  }
  writeReport(since, failure)
  const outcome = failure === undefined ? 'has ended well' : `FAILED (${failure})`
  console.error(`every: ${command} ${outcome}; next run at ${new Date(due).toISOString()}`)
  await waitUntil(due)
}
console.error(`every: stopped by ${stoppedBy}`)
process.exit(128 + constants.signals[stoppedBy])
