import { join } from 'node:path'
import { execa } from 'execa'
import { beforeAll, expect, test } from 'vitest'
import { ROOT } from '../release/packages.ts'
import { skip } from '../skip.ts'
import { filesIn } from './deployment.ts'
import { INSTALLING_MS, IS_LONG } from './installing.ts'
import { type Python, pythonWith } from './python.ts'

let python: Python
beforeAll(async () => {
  python = IS_LONG
    ? await pythonWith('schemas')
    : { missing: 'npm run test:long compares it with its published schema' }
}, INSTALLING_MS)

const published = (schema: string): string[] => ['check-jsonschema', '--builtin-schema', schema]

test.for([
  ['compose.yaml', ...published('vendor.compose-spec')],
  ['meltano.yml', ...published('vendor.meltano')],
  ...[...filesIn('.github/workflows'), 'dev/schedulers/github-actions.yml'].map((path) => [
    ...[path, ...published('vendor.github-workflows')],
  ]),
  // Each unknown member is a fault, in the oldest version that is still cared for, and in a new one.
  ['dev/schedulers/kubernetes.yaml', 'kubernetes-validate', '--strict', '-k', '1.32'],
  ['dev/schedulers/kubernetes.yaml', 'kubernetes-validate', '--strict', '-k', '1.37'],
])('%s fits its schema: %s %s %s %s', async ([path = '', command = '', ...flags], context) => {
  if ('missing' in python) return skip(context, python.missing)
  const words = [...flags, join(ROOT, path)]
  const ended = await execa(join(python.bin, command), words, { reject: false, all: true })
  expect({ exitCode: ended.exitCode, all: ended.exitCode === 0 ? '' : ended.all }).toEqual({
    ...{ exitCode: 0, all: '' },
  })
})
