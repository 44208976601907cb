import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { lock } from '@singer-io-ts/core'
import { execa } from 'execa'
import { ROOT } from '../release/packages.ts'
import { cleanEnvironment, install } from './installing.ts'

/** Where its programs are; or why there are none here. */
export type Python = { bin: string } | { missing: string }

/**
 * A virtual environment with what `requirements/NAME.txt` pins, made in `.local/python` and kept
 * there until the file or Python changes.
 */
export async function pythonWith(name: string): Promise<Python> {
  // Test files run side by side.
  const held = await lock(`python ${ROOT} ${name}`, 600)
  try {
    return await makePython(name)
  } finally {
    await held?.release()
  }
}

async function makePython(name: string): Promise<Python> {
  const file = fileURLToPath(new URL(`requirements/${name}.txt`, import.meta.url))
  const version = await pythonVersion()
  if (version === undefined) return { missing: 'there is no python3 of 3.10 or newer' }
  const pins = createHash('sha256').update(version).update(readFileSync(file)).digest('hex')
  const home = join(ROOT, '.local', 'python', name)
  const bin = join(home, 'bin')
  const mark = join(home, 'pins')
  if (existsSync(mark) && readFileSync(mark, 'utf8') === pins) return { bin }

  rmSync(home, { recursive: true, force: true })
  mkdirSync(join(home, '..'), { recursive: true })
  const venv = await execa('python3', ['-m', 'venv', home], { reject: false, all: true })
  if (venv.exitCode !== 0) return { missing: `python3 makes no virtual environment: ${venv.all}` }
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', file]
  if ((await install(join(bin, 'python'), pip, { cwd: ROOT })) === 'unreachable')
    return { missing: 'the Python registry is out of reach' }
  writeFileSync(mark, pins)
  return { bin }
}

/** `3.11.7 at /usr/bin/python3`, if it is new enough. */
async function pythonVersion(): Promise<string | undefined> {
  const script =
    'import sys, platform; print(platform.python_version(), "at", sys.executable) if sys.version_info >= (3, 10) else exit(1)'
  const { exitCode, stdout } = await execa('python3', ['-c', script], {
    reject: false,
    env: cleanEnvironment(),
    extendEnv: false,
  })
  return exitCode === 0 ? stdout : undefined
}
