import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { ROOT } from '../release/packages.ts'
import { skip } from '../skip.ts'
import { createBooks, inRoot, options, PATH, settingsOf } from './books.ts'
import { readText, readYaml } from './deployment.ts'

const WITH_SECRETS = inRoot('dev/containers/with-secrets')

const linesOf = (path: string): string[] =>
  readText(path)
    .split('\n')
    .filter((line) => !line.startsWith('#'))

test("cron: the crontab's line, which is the README's too", async () => {
  const lines = linesOf('dev/schedulers/crontab').filter((line) => line !== '')
  const job = lines.find((line) => /^\d/.test(line)) ?? ''
  expect(readText('README.md')).toContain(`\`\`\`cron\n${job}\n\`\`\``)
  const books = await createBooks()
  const variables = lines.filter((line) => /^[A-Z_]+=/.test(line)).map((line) => line.split('='))
  const { XDG_STATE_HOME } = Object.fromEntries(variables)
  // Cron takes an unescaped % for the end of the command.
  expect(job).not.toMatch(/%/)
  const command = books.placed(job.split(/\s+/).slice(5).join(' '))
  const env = { HOME: '/nowhere', XDG_STATE_HOME: books.placed(XDG_STATE_HOME ?? '') }
  await books.expectLoaded(await execa('sh', ['-c', command], options(env)))
  expect(readdirSync(join(books.folder, 'lib'))).toEqual([
    'quickbooks.json',
    'runs',
    'tap-quickbooks',
  ])
})

test('systemd: the command of the service, with its credentials and its folder', async () => {
  const books = await createBooks()
  const unit = linesOf('dev/schedulers/books.service')
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
  const value = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? ''
  for (const [, name, file] of unit.matchAll(/^LoadCredential=(.*):(.*)$/gm))
    expect(file).toBe(`/etc/books/${name}`)
  const placed = (text: string) =>
    books.placed(text).replaceAll('%d', books.folder).replaceAll('%S/books', `${books.folder}/lib`)
  const variables = Object.fromEntries(
    [...unit.matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, name, text = '']) => [
      name,
      placed(text),
    ]),
  )
  // Where node is in the test is not where it is on a server.
  expect(variables.PATH).toBe('/usr/local/bin:/usr/bin:/bin')
  const command = placed(value('ExecStart'))
  await books.expectLoaded(await execa('sh', ['-c', command], options({ ...variables, PATH })))
  expect(readdirSync(join(books.folder, 'lib'))).toEqual([
    'quickbooks.json',
    'runs',
    'tap-quickbooks',
  ])
})

test('systemd: systemd-analyze verify has nothing to say', async (context) => {
  const { exitCode } = await execa('systemd-analyze', ['--version'], { reject: false })
  if (exitCode !== 0) skip(context, 'there is no systemd-analyze')
  const folder = mkdtempSync(join(tmpdir(), 'units-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const units = ['books.service', 'books.timer'].map((name) => {
    const text = readText(`dev/schedulers/${name}`)
    writeFileSync(join(folder, name), text.replaceAll('/opt/books/', ROOT))
    return join(folder, name)
  })
  const ended = await execa('systemd-analyze', ['verify', ...units], { reject: false, all: true })
  expect(ended.all).toBe('')
  expect(ended.exitCode).toBe(0)
})

test('Kubernetes: the command of the CronJob, with its secret as files', async () => {
  const books = await createBooks()
  const [cron, claim] = readYaml('dev/schedulers/kubernetes.yaml')
  expect([cron.kind, cron.apiVersion, claim.kind]).toEqual([
    'CronJob',
    'batch/v1',
    'PersistentVolumeClaim',
  ])
  const pod = cron.spec.jobTemplate.spec.template.spec
  const [container] = pod.containers
  // No two runs at a time, and none for ever; the volume admits one pod.
  expect(cron.spec.concurrencyPolicy).toBe('Forbid')
  expect(claim.spec.accessModes).toEqual(['ReadWriteOncePod'])
  const { activeDeadlineSeconds, backoffLimit } = cron.spec.jobTemplate.spec
  expect(activeDeadlineSeconds).toBeLessThan(86_400)
  expect([backoffLimit, pod.restartPolicy]).toEqual([0, 'Never'])
  const mounts = container.volumeMounts.map((one: { name: string }) => one.name)
  expect(pod.volumes.map((one: { name: string }) => one.name)).toEqual(mounts)
  const data = pod.volumes.find((one: { name: string }) => one.name === 'data')
  expect(data.persistentVolumeClaim.claimName).toBe(claim.metadata.name)

  const { secrets, company } = settingsOf(books)
  const folder = join(books.folder, 'secrets')
  mkdirSync(folder)
  for (const [name, value] of Object.entries(secrets)) {
    // The page says which lines the Secret is made of.
    expect(readText('dev/schedulers/kubernetes.yaml')).toMatch(`${name}=…`)
    writeFileSync(join(folder, name), value)
  }
  const given: { name: string; value: string }[] = container.env
  const env = Object.fromEntries(given.map(({ name, value }) => [name, value]))
  const args = container.args.map((arg: string) => arg.replace('/data', join(books.folder, 'lib')))
  const inImage = {
    PATH: [inRoot('node_modules/.bin'), PATH].join(delimiter),
    XDG_STATE_HOME: join(books.folder, 'lib'),
    SECRETS_FOLDER: folder,
  }
  const ended = await execa(WITH_SECRETS, args, options({ ...env, ...company, ...inImage }))
  await books.expectLoaded(ended)
  expect(readdirSync(join(books.folder, 'lib'))).toEqual([
    'quickbooks.json',
    'runs',
    'tap-quickbooks',
  ])
})
