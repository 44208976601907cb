import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { ROOT } from '../release/packages.ts'

export const readText = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

export const filesIn = (folder: string): string[] =>
  readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`)

/** The documents of a YAML file; a fault in one is thrown. */
// biome-ignore lint/suspicious/noExplicitAny: the files are of many shapes
export function readYaml(path: string): any[] {
  return parseAllDocuments(readText(path)).map((document) => {
    if (document.errors.length > 0) throw document.errors[0]
    return document.toJS()
  })
}

/** What containers and schedulers are described by. */
export const DEPLOYMENT: readonly string[] = [
  'Dockerfile',
  'compose.yaml',
  ...filesIn('dev/containers'),
  ...filesIn('dev/schedulers'),
  ...filesIn('.github/workflows'),
]
