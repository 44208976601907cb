import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { execa } from 'execa'
import { expect, test, vi } from 'vitest'
import { type Books, createBooks, inRoot, options, PATH, settingsOf } from './books.ts'
import { readYaml } from './deployment.ts'

vi.setConfig({ testTimeout: 180_000 })

type Step = { name?: string; run?: string; env?: Record<string, string>; if?: string }
const [{ jobs }] = readYaml('dev/schedulers/github-actions.yml')
const steps: Step[] = jobs.load.steps
const stepOf = (name: RegExp): Step => {
  const step = steps.find((one) => name.test(one.name ?? ''))
  if (step === undefined) throw new Error(`no step is named ${name}`)
  return step
}
const check = stepOf(/^Secrets can/)
const load = stepOf(/^Load/)
const again = stepOf(/could not be stored/)

/** A repository with its secret, and as much of `gh` as the job needs; `sleep` takes no time. */
function createRepository(books: Books) {
  const { secrets, company } = settingsOf(books)
  const { TAP_QUICKBOOKS_REFRESH_TOKEN: first, ...kept } = secrets
  const home = (name: string): string => {
    mkdirSync(join(books.folder, name))
    return join(books.folder, name)
  }
  const bin = home('bin')
  const secret = join(books.folder, 'secret')
  const failures = join(books.folder, 'failures')
  writeFileSync(secret, first)
  const program = (name: string, script: string): void =>
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  // As many calls fail as the file says.
  program(
    'gh',
    `left=$(cat ${failures} 2>/dev/null)
if [ "\${left:-0}" -gt 0 ]; then echo $((left - 1)) > ${failures}; exit 1; fi
case "$*" in
  'secret set QUICKBOOKS_REFRESH_TOKEN --repo books/books') cat > ${secret} ;;
  'secret set QUICKBOOKS_WRITE_CHECK --body written --repo books/books') ;;
  *) exit 2 ;;
esac`,
  )
  program('sleep', 'exit 0')
  /** A runner keeps nothing of the one before. */
  const createRunner = (name: string) => {
    const cwd = home(name)
    symlinkSync(inRoot('node_modules'), join(cwd, 'node_modules'))
    const env = {
      ...{ ...kept, ...company, HOME: cwd, RUNNER_TEMP: cwd, GITHUB_REPOSITORY: 'books/books' },
      ...{ PATH: [bin, PATH].join(delimiter), REFRESH_TOKEN: readFileSync(secret, 'utf8') },
    }
    const run = (step: Step) =>
      execa('bash', ['-e', '-c', step.run ?? ''], options({ ...step.env, ...env }, cwd))
    return { cwd, run }
  }
  return {
    first,
    secret: () => readFileSync(secret, 'utf8'),
    fail: (times: number) => writeFileSync(failures, String(times)),
    createRunner,
  }
}

test('GitHub Actions: the state comes from the warehouse, the token goes to its secret', async () => {
  const books = await createBooks()
  const repository = createRepository(books)
  const aRun = async (name: string): Promise<number> => {
    const runner = repository.createRunner(name)
    books.simulator.reset()
    books.simulator.clock.advance(60)
    expect(await runner.run(check)).toMatchObject({ exitCode: 0 })
    await books.expectLoaded(await runner.run(load))
    expect(repository.secret()).toBe(books.simulator.tokens.refreshToken())
    expect(await runner.run(again)).toMatchObject({ exitCode: 0, all: '' })
    return books.simulator.stats().metered.total
  }
  expect(await aRun('first')).toBeGreaterThan(2)
  expect(repository.secret()).not.toBe(repository.first)
  expect(await aRun('second')).toBe(1)
})

test('GitHub Actions: where the secret cannot be written, nothing changes the token; where it fails on the way, the token is stored later, or kept encrypted', async () => {
  const books = await createBooks()
  const repository = createRepository(books)
  repository.fail(1)
  const early = repository.createRunner('early')
  expect((await early.run(check)).exitCode).toBe(1)
  expect(steps.indexOf(check)).toBeLessThan(steps.indexOf(load))

  // The tap tries twice, then the last step.
  load.env = { ...load.env, TAP_QUICKBOOKS_MAX_ATTEMPTS: '2', TAP_QUICKBOOKS_BACKOFF_SECONDS: '0' }
  expect(again.if).toBe('always()')
  repository.fail(4)
  const late = repository.createRunner('late')
  expect((await late.run(load)).exitCode).toBe(3)
  const token = books.simulator.tokens.refreshToken()
  expect(repository.secret()).toBe(repository.first)
  expect(await late.run(again)).toMatchObject({ exitCode: 0 })
  expect(repository.secret()).toBe(token)
  expect(existsSync(join(late.cwd, 'refresh-token.enc'))).toBe(false)

  repository.fail(100)
  books.simulator.clock.advance(2 * 86_400)
  const lost = repository.createRunner('lost')
  expect((await lost.run(load)).exitCode).toBe(3)
  const newest = books.simulator.tokens.refreshToken()
  expect(newest).not.toBe(token)
  const ended = await lost.run(again)
  expect(ended.exitCode).toBe(1)
  expect(ended.all).not.toContain(newest)
  const [, command = ''] = /environment: (openssl .*) \| gh secret set/.exec(ended.all) ?? []
  const file = readFileSync(join(lost.cwd, 'refresh-token.enc'), 'utf8')
  expect(file).not.toContain(newest)
  const { TAP_QUICKBOOKS_CLIENT_SECRET } = settingsOf(books).secrets
  const unpacked = await execa('sh', ['-c', command], {
    ...{ cwd: lost.cwd, env: { TAP_QUICKBOOKS_CLIENT_SECRET } },
  })
  expect(unpacked.stdout).toBe(newest)
})
