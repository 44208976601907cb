// Loaded into a tap before it starts: its waits end at once, and its time passes by waiting only.
import { syncBuiltinESMExports } from 'node:module'
import timers from 'node:timers/promises'

const wait = timers.setTimeout
let waited = 0
performance.now = () => waited
timers.setTimeout = (ms, ...rest) => {
  waited += ms
  return wait(0, ...rest)
}
syncBuiltinESMExports()
