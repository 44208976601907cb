import { scanObject } from '@singer-io-ts/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Shape, shapeOf } from './shapes.ts'

function shape(members: readonly string[]): Shape {
  const source = Buffer.from(`{${members.map((name) => `${JSON.stringify(name)}:1`).join(', ')}}`)
  const scanned = scanObject(source, 0)
  if (scanned === undefined) throw new Error('not scanned')
  return shapeOf(source, scanned.places)
}

/** Many are alike in length, ends and middle. */
const name = fc.oneof(
  fc.constantFrom('Id', 'MetaData', 'status', 'LastUpdatedTime', 'toString', '__proto__', 'é', ''),
  fc.stringMatching(/^a[bc]d[bc]e$/),
)

test('members are told to the letter, whichever were seen before', () => {
  fc.assert(
    fc.property(fc.array(fc.array(name, { maxLength: 8 })), (lists) => {
      for (const members of lists) {
        const { members: told, id, metaData, status, lastUpdatedTime } = shape(members)
        expect(told).toEqual(members)
        const places = ['Id', 'MetaData', 'status', 'LastUpdatedTime'].map((one) =>
          members.lastIndexOf(one),
        )
        expect([id, metaData, status, lastUpdatedTime]).toEqual(places)
      }
    }),
  )
})

test('objects with the same members share a shape, and shapes are forgotten where they never end', () => {
  const first = shape(['Id', 'Other'])
  expect(shape(['Id', 'Other'])).toBe(first)
  for (let n = 50_000; n < 52_500; n++) {
    const other = n.toString(36)
    expect(shape(['Id', other]).members[1]).toBe(other)
  }
  expect(shape(['Id', 'Other'])).not.toBe(first)
})
