import { join } from 'node:path'
import { execa } from 'execa'
import { onTestFailed, onTestFinished } from 'vitest'
import { ROOT } from '../release/packages.ts'

export const EVERY: string = join(ROOT, 'dev/containers/every.mjs')
const PATH = process.env.PATH ?? ''

/** The scheduler's loop; `heard` resolves with all it said once it has the pattern for the n-th time. */
export function startEvery(args: string[], env: NodeJS.ProcessEnv, cwd = '/') {
  const running = execa(args[0] ?? '', args.slice(1), {
    ...{ cwd, env: { PATH, ...env }, extendEnv: false, reject: false, all: true },
  } as const)
  onTestFinished(() => void running.kill('SIGKILL'))
  onTestFailed(() => console.log(told))
  let told = ''
  running.all.on('data', (text) => {
    told += text
  })
  const heard = (pattern: RegExp, times = 1) =>
    new Promise<string>((resolve, reject) => {
      const look = (): void => {
        if ([...told.matchAll(new RegExp(pattern, 'g'))].length >= times) resolve(told)
      }
      running.all.on('data', look)
      look()
      void running.then(() => reject(new Error(`it ended before ${pattern}:\n${told}`)))
    })
  return { running, heard }
}
