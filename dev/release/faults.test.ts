import { expect, test } from 'vitest'
import { type Candidate, findFaults } from './faults.ts'

const repository = { type: 'git', url: 'git+https://git.example.com/books/books.git' }
const core = { name: '@books/core', folder: 'core', version: '1.2.0', repository }
const tap = { ...core, name: 'tap', folder: 'tap', dependencies: { '@books/core': '1.2.0' } }
const good: Candidate = {
  changelog:
    '# Changelog\n\n## 1.2.0, 2026-12-01\n\n- Faster.\n\n## 1.1.0, 2026-11-01\n\n- First.\n',
  packages: [core, tap],
  changes: '',
  tags: 'v1.0.0\nv1.1.0\n',
}

test('a finished release has no fault', () => {
  expect(findFaults(good)).toEqual([])
})

test.each<[string, Partial<Candidate>, RegExp]>([
  ['a pending heading', { changelog: '## Pending\n\n- Faster.\n' }, /Pending/],
  [
    'a pending heading below the newest',
    { changelog: `${good.changelog}## 0.9.0 (pending)\n\n- Old.\n` },
    /Pending/,
  ],
  ['another version', { changelog: '## 1.1.0, 2026-11-01\n\n- First.\n' }, /begins with "1\.1\.0,/],
  ['no date', { changelog: '## 1.2.0\n\n- Faster.\n' }, /begins with "1\.2\.0"/],
  ['no change', { changelog: '## 1.2.0, 2026-12-01\n\n' }, /says nothing about 1\.2\.0/],
  ['no heading', { changelog: '# Changelog\n' }, /begins with ""/],
  ['two versions', { packages: [core, { ...tap, version: '1.1.0' }] }, /^tap: version 1\.1\.0/],
  [
    'a dependency on an older one',
    { packages: [core, { ...tap, dependencies: { '@books/core': '1.1.0' } }] },
    /^tap: depends on @books\/core 1\.1\.0, which is 1\.2\.0/,
  ],
  [
    'no repository',
    { packages: [{ name: 'core', folder: 'there', version: '1.2.0' }] },
    /^core: package\.json names no repository, .*"directory": "there"/,
  ],
  ...[{}, { url: '' }, 'git+https://git.example.com/books/books.git', { url: 'to be known' }].map(
    (repository): [string, Partial<Candidate>, RegExp] => [
      `the repository ${JSON.stringify(repository)}`,
      { packages: [{ ...core, repository }] },
      /^@books\/core: package\.json names no repository/,
    ],
  ),
  ['changes that are not committed', { changes: ' M README.md\n' }, /not committed:\n M README/],
  ['a tag that stands already', { tags: 'v1.2.0\n' }, /v1\.2\.0 is released already/],
])('%s is refused, and nothing else', (_name, change, fault) => {
  expect(findFaults({ ...good, ...change })).toEqual([expect.stringMatching(fault)])
})
