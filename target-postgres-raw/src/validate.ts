import { type JsonSchema, ProtocolError, type ReadRecord } from '@singer-io-ts/core'

/** Throws ProtocolError when a record does not fit its stream's schema. */
export type Validate = (record: ReadRecord) => void

/** For `validate_records`: a schema → its check. */
export async function compileValidator(
  schema: JsonSchema,
  stream: string,
  line: number,
): Promise<Validate> {
  const [{ Ajv }, { default: formats }] = await Promise.all([import('ajv'), import('ajv-formats')])
  // Singer schemas name old drafts (whose `id` Ajv refuses) and have keywords of their own.
  const ajv = new Ajv({
    strict: false,
    validateSchema: false,
    allErrors: true,
    logger: false,
    // In doubles 19.99 / 0.01 is no integer; this holds for cents up to hundreds of millions.
    multipleOfPrecision: 5,
  })
  formats.default(ajv)
  const { $schema: _, id: __, $async: ___, ...plain } = schema
  let check: ReturnType<typeof ajv.compile>
  try {
    check = ajv.compile(plain)
  } catch (cause) {
    throw new ProtocolError(line, `the schema of stream '${stream}' cannot be used to validate`, {
      cause,
    })
  }
  return (record) => {
    try {
      if (check(record.record)) return
    } catch (cause) {
      // A schema may refer to itself without end, or the record be nested too deep for it.
      throw new ProtocolError(
        record.line,
        `a record of stream '${stream}' cannot be compared with its schema`,
        { cause },
      )
    }
    const faults = (check.errors ?? [])
      .slice(0, 5)
      .map(({ instancePath, message }) => `${instancePath || 'the record'} ${message}`)
    throw new ProtocolError(
      record.line,
      `a record of stream '${stream}' does not fit its schema: ${faults.join('; ')}`,
    )
  }
}
