import { readFileSync, realpathSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/**
 * `name version` of the npm package that the program belongs to, found without starting it;
 * undefined for any other program.
 */
export function versionOf(file: string): string | undefined {
  try {
    const real = realpathSync(file)
    for (let folder = dirname(real); folder !== dirname(folder); folder = dirname(folder)) {
      const found = readPackage(folder)
      if (found === undefined) continue
      const bins = Object.values(typeof found.bin === 'string' ? [found.bin] : (found.bin ?? {}))
      const isIts = bins.some((bin) => resolve(folder, String(bin)) === real)
      return isIts ? `${found.name} ${found.version}` : undefined
    }
  } catch {
    // What cannot be read has no version.
  }
  return undefined
}

/** Whether it is a program of this project, whose command lines and log lines are known. */
export function isOwn(file: string): boolean {
  return /^(tap-quickbooks|target-postgres-raw) /.test(versionOf(file) ?? '')
}

type Package = { name?: string; version?: string; bin?: string | Record<string, string> }

function readPackage(folder: string): Package | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Package
  } catch {
    return undefined
  }
}
