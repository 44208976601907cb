import { execa } from 'execa'
import { expect, test, vi } from 'vitest'
import { RUNNER, TAP, TARGET } from '../e2e/pipeline.ts'

// A busy machine takes its time.
vi.setConfig({ testTimeout: 300_000 })

async function helpOf(program: string, words: readonly string[]): Promise<string[]> {
  const { stdout } = await execa(program, [...words, '--help'])
  return stdout.trimEnd().split('\n')
}

test.each([
  ['tap-quickbooks', TAP],
  ['target-postgres-raw', TARGET],
  ['singer-run', RUNNER],
])(
  'the help of %s and its commands fits a screen of 80 × 40 and has examples',
  async (name, program) => {
    const own = await helpOf(program, [])
    const command = new RegExp(`^  ${name} ([a-z]+) `)
    const commands = own.flatMap((line) => command.exec(line)?.[1] ?? [])
    expect(commands.length).toBeGreaterThan(1)
    const all = await Promise.all(commands.map((word) => helpOf(program, [word])))
    for (const lines of [own, ...all]) {
      const text = lines.join('\n')
      expect(Math.max(...lines.map((line) => line.length)), text).toBeLessThanOrEqual(80)
      expect(lines.length, text).toBeLessThanOrEqual(40)
      // Each can be copied: it begins with a program, whatever comment stands above or behind it.
      const examples = lines.slice(lines.indexOf('Examples:') + 1)
      expect(lines, text).toContain('Examples:')
      expect(examples.length, text).toBeGreaterThan(0)
      for (const line of examples)
        expect(line).toMatch(
          /^ {2}(# \S|tap-quickbooks |target-postgres-raw |singer-run | {2}--target | {2}target-postgres-raw )/,
        )
    }
  },
)
