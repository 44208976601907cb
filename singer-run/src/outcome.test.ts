import { expect, test } from 'vitest'
import type { Role } from './metrics.ts'
import { describeEnds, judge } from './outcome.ts'

test.each<[number, number, Role, number, string]>([
  [0, 0, 'tap', 0, 'both are done'],
  [4, 0, 'tap', 4, 'the tap failed, the target committed what had come'],
  [7, 0, 'tap', 7, 'some streams failed'],
  [8, 0, 'tap', 8, 'the call limit was reached'],
  [0, 5, 'tap', 5, 'the last commit failed'],
  [141, 5, 'target', 5, 'the target failed and the tap felt it'],
  [141, 5, 'tap', 5, 'the target closed its input some time before it ended'],
  [143, 5, 'target', 5, 'the target failed and the tap was stopped'],
  [137, 6, 'tap', 137, 'the tap was killed inside a line, which the target refused'],
  [4, 5, 'tap', 4, 'both failed, the tap first'],
  [4, 5, 'target', 5, 'both failed, the target first'],
  [7, 5, 'tap', 5, 'some streams failed, and then the database'],
  [141, 0, 'target', 141, 'the target ended too early'],
  [143, 0, 'target', 141, 'the target ended too early and the tap had to be stopped'],
])('tap %i, target %i, %s first: exit code %i, for %s', (tap, target, first, code, _) => {
  expect(judge({ tap: { code: tap }, target: { code: target }, first }).code).toBe(code)
})

test('the message names each program that failed, the first one first', () => {
  const titles = { tap: 'the tap (a)', target: 'the target (b)' }
  const killed = { code: 137, signal: 'SIGKILL' }
  expect(describeEnds({ tap: killed, target: { code: 6 }, first: 'tap' }, titles)).toBe(
    'the tap (a) was killed by SIGKILL (exit code 137); the target (b) ended with exit code 6',
  )
  expect(describeEnds({ tap: { code: 0 }, target: { code: 5 }, first: 'tap' }, titles)).toBe(
    'the target (b) ended with exit code 5',
  )
  expect(describeEnds({ tap: { code: 141 }, target: { code: 0 }, first: 'target' }, titles)).toBe(
    'the target (b) ended before the tap (a) was done, which ended with exit code 141',
  )
  expect(describeEnds({ tap: { code: 4 }, target: { code: 0 }, first: 'target' }, titles)).toBe(
    'the tap (a) ended with exit code 4',
  )
})
