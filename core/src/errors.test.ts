import { expect, test } from 'vitest'
import {
  ClosedOutputError,
  ConfigError,
  describeError,
  EXIT,
  ProtocolError,
  SingerError,
  StopError,
} from './errors.ts'
import { exitCode } from './main.ts'

test('every kind of error has the exit code of the contract', () => {
  expect(exitCode(new ConfigError(['a', 'b']))).toBe(1)
  expect(exitCode(new ProtocolError(3, 'x'))).toBe(6)
  expect(exitCode(new StopError('SIGINT'))).toBe(130)
  expect(exitCode(new StopError('SIGTERM'))).toBe(143)
  expect(exitCode(new ClosedOutputError())).toBe(141)
  expect(exitCode(new SingerError(EXIT.database, 'x'))).toBe(5)
  for (const thrown of [new Error('x'), 'x', undefined, null, { code: 3 }])
    expect(exitCode(thrown)).toBe(70)
})

test('a ProtocolError begins with the number of its line', () => {
  expect(new ProtocolError(3, 'x').message).toBe('line 3: x')
  expect(new ProtocolError(undefined, 'x').message).toBe('x')
})

test('a full disk is not called a reader that has gone', () => {
  const failure = (code: string): Error => Object.assign(new Error(`${code}: x`), { code })
  expect(new ClosedOutputError(failure('EPIPE')).message).toMatch(/has closed it/)
  expect(new ClosedOutputError().message).toMatch(/has closed it/)
  expect(describeError(new ClosedOutputError(failure('ENOSPC')))).toBe(
    'the output cannot be written: ENOSPC: x',
  )
})

class Nameless extends Error {}

test.each([
  ['its message', new Error('a'), 'a'],
  [
    'the messages of its causes',
    new Error('a', { cause: new Error('b', { cause: 'c' }) }),
    'a: b: c',
  ],
  ['a cause once', new Error('a: b', { cause: new Error('b') }), 'a: b'],
  [
    'its code, when there is no message',
    Object.assign(new Error(''), { code: 'ECONNREFUSED' }),
    'ECONNREFUSED',
  ],
  ['its name, when there is nothing else', new Nameless(''), 'Error'],
  [
    'the first of several',
    new AggregateError([new Error('first'), new Error('second')], 'all'),
    'all: first',
  ],
  ['an empty aggregate', new AggregateError([], ''), 'AggregateError'],
  ['one line', new Error('a\r\n  b\n\nc\n'), 'a b c'],
  ['a text', 'a', 'a'],
  ['an object', { a: { b: 1 } }, '{ a: { b: 1 } }'],
  ['an object without prototype', Object.create(null), '[Object: null prototype] {}'],
  ['a symbol', Symbol('a'), 'Symbol(a)'],
  ['undefined', undefined, 'undefined was thrown'],
  ['null', null, 'null was thrown'],
  ['an empty text', '', "'' was thrown"],
])('anything thrown is described: %s', (_, thrown, wanted) => {
  expect(describeError(thrown)).toBe(wanted)
})

test('an error that is its own cause is described, not followed for ever', () => {
  const error = new Error('a')
  error.cause = error
  expect(describeError(error)).toBe('a')
  const other = new Error('b', { cause: error })
  error.cause = other
  expect(describeError(error)).toBe('a: b')
})
