export type Manifest = {
  name: string
  /** Where it lies below the root. */
  folder: string
  version: string
  repository?: unknown
  dependencies?: Record<string, string>
}

export type Candidate = {
  changelog: string
  packages: readonly Manifest[]
  /** `git status --porcelain` */
  changes: string
  /** `git tag` */
  tags: string
}

/** All that stands against a release; nothing where it may be published. */
export function findFaults({ changelog, packages, changes, tags }: Candidate): string[] {
  const version = packages[0]?.version ?? ''
  const versions = new Map(packages.map((one) => [one.name, one.version]))
  const faults = changelogFaults(changelog, version)
  for (const { name, folder, version: own, repository, dependencies = {} } of packages) {
    if (own !== version) faults.push(`${name}: version ${own}, where the others have ${version}`)
    if (!hasAddress(repository))
      faults.push(
        `${name}: package.json names no repository, without which npm proves no provenance: add "repository": {"type": "git", "url": "git+https://…", "directory": "${folder}"}`,
      )
    for (const [other, range] of Object.entries(dependencies))
      if (versions.has(other) && versions.get(other) !== range)
        faults.push(`${name}: depends on ${other} ${range}, which is ${versions.get(other)}`)
  }
  if (changes.trim() !== '') faults.push(`git: not committed:\n${changes.trimEnd()}`)
  if (tags.split('\n').includes(`v${version}`)) faults.push(`git: v${version} is released already`)
  return faults
}

/** The address of the sources, in a form that npm compares with where it was built. */
function hasAddress(repository: unknown): boolean {
  const url = repository instanceof Object && 'url' in repository ? repository.url : undefined
  return typeof url === 'string' && /^git\+https:\/\/[\w.-]+\/[^/]+\/[^/]+$/.test(url)
}

/** `## 1.2.3, 2026-12-31` with at least one change under it comes first, and nothing is pending. */
function changelogFaults(changelog: string, version: string): string[] {
  const [newest = '', ...older] = changelog.split(/^## /m).slice(1)
  const heading = newest.split('\n', 1)[0] ?? ''
  const pending = [newest, ...older].filter((part) => /^.*pending/i.test(part))
  if (pending.length > 0) return ['CHANGELOG.md: a heading says Pending']
  const [, named] = /^(\S+), \d{4}-\d\d-\d\d$/.exec(heading) ?? []
  if (named !== version)
    return [`CHANGELOG.md: begins with "${heading}", not with "${version}, " and a date`]
  return /^- \S/m.test(newest) ? [] : [`CHANGELOG.md: says nothing about ${version}`]
}
