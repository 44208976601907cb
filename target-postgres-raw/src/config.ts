import {
  formatGiven,
  LOG_SETTINGS,
  type Log,
  readSettings,
  type SettingsSchema,
} from '@singer-io-ts/core'
import { type Connection, findConnection } from './connection.ts'
import { SSL_MODES } from './tls.ts'

/** The only description of the settings. */
export const SETTINGS: SettingsSchema = {
  type: 'object',
  required: [],
  properties: {
    connection_string: {
      type: 'string',
      secret: true,
      title: 'Connection string',
      description:
        'Where and as whom to connect: `postgres://user:password@host:port/database?sslmode=…`. What it leaves out comes from the settings below, then from `PGHOST`, `PGUSER` and so on, as psql does.',
      examples: ['postgres://loader:secret@db.example.com:5432/warehouse'],
    },
    host: {
      type: 'string',
      title: 'Host',
      description: 'The server, or the directory of its Unix socket.',
    },
    port: {
      type: 'integer',
      minimum: 1,
      maximum: 65535,
      title: 'Port',
      description: 'Its port; 5432 if nothing says otherwise.',
    },
    user: { type: 'string', title: 'User', description: 'The role that loads.' },
    password: {
      type: 'string',
      secret: true,
      title: 'Password',
      description: 'Its password; `~/.pgpass` is read too.',
    },
    database: {
      type: 'string',
      title: 'Database',
      description: 'The database; named as the user if nothing says otherwise.',
    },
    ssl_mode: {
      type: 'string',
      enum: SSL_MODES,
      title: 'TLS mode',
      description: "In libpq's words; if not given, prefer on this machine, else verify-full.",
    },
    ssl_root_cert: {
      type: 'string',
      title: 'Root certificate',
      description:
        'File (PEM) with the authorities to trust. Without it, or with the word `system`, verify-full trusts those that Node knows.',
    },
    ssl_cert: {
      type: 'string',
      title: 'Client certificate',
      description: 'File (PEM) with the own certificate.',
    },
    ssl_key: {
      type: 'string',
      title: 'Client key',
      description: 'File (PEM) with the key of the own certificate; only its owner may read it.',
    },
    default_target_schema: {
      type: 'string',
      default: 'raw',
      minLength: 1,
      pattern: '^[^\\u0000]+$',
      form: 'a name',
      title: 'Schema',
      description: 'The schema of all tables; created if missing.',
    },
    table_prefix: {
      type: 'string',
      default: '',
      maxLength: 40,
      pattern: '^[^\\u0000]*$',
      form: 'the beginning of a name',
      title: 'Table prefix',
      description: 'Before the name of each table: `qb_` makes `raw.qb_invoices`.',
    },
    batch_size_rows: {
      type: 'integer',
      default: 10000,
      minimum: 1,
      title: 'Rows a batch',
      description: 'A commit comes at the latest after so many records of all streams together.',
    },
    batch_size_bytes: {
      type: 'integer',
      default: 33554432,
      minimum: 1,
      title: 'Bytes a batch',
      description:
        'So many bytes of records are held at the most: a commit comes at the latest after half of them, while the other half comes in.',
    },
    max_line_bytes: {
      type: 'integer',
      default: 8388608,
      minimum: 1024,
      maximum: 268435456,
      title: 'Longest line',
      description:
        'A longer message is bad input. Memory grows by about four times the longest line that comes.',
    },
    batch_wait_limit_seconds: {
      type: 'number',
      default: 10,
      minimum: 0,
      title: 'Longest wait',
      description:
        'A commit comes at the latest after so many seconds, also when the input is silent.',
    },
    payload_type: {
      type: 'string',
      enum: ['jsonb', 'json'],
      default: 'jsonb',
      title: 'Payload type',
      description:
        'Type of the column payload in new tables: `json` keeps the text to the letter, `jsonb` can be searched faster.',
    },
    validate_records: {
      type: 'boolean',
      default: false,
      title: 'Validate records',
      description:
        "Whether each record must fit its stream's schema; one that does not is bad input.",
    },
    hard_delete: {
      type: 'boolean',
      default: false,
      title: 'Hard delete',
      description:
        'Delete rows instead of marking them, for `_sdc_deleted_at` and ACTIVATE_VERSION alike.',
    },
    max_attempts: {
      type: 'integer',
      default: 5,
      minimum: 1,
      title: 'Attempts',
      description:
        'How often a transaction is tried when the connection is refused or lost, or others are in the way.',
    },
    backoff_seconds: {
      type: 'number',
      default: 1,
      minimum: 0,
      title: 'Back-off',
      description: 'The wait before try n+1 is this · 2ⁿ seconds, and up to this more.',
    },
    state_id: {
      type: 'string',
      default: 'default',
      minLength: 1,
      pattern: '^[^\\u0000]+$',
      form: 'a name',
      title: 'State id',
      description: 'The row of `_singer_state` that keeps the last STATE: one for each pipeline.',
    },
    ...LOG_SETTINGS,
  },
}

export type Settings = {
  connection: Connection
  schema: string
  tablePrefix: string
  batchRows: number
  batchBytes: number
  maxLineBytes: number
  batchWaitSeconds: number
  payloadType: 'json' | 'jsonb'
  validateRecords: boolean
  hardDelete: boolean
  maxAttempts: number
  backoffSeconds: number
  stateId: string
  /** What was given, as JSON without secrets: for the log. */
  given: string
}

/** Reads the settings and hides what is secret in them; throws ConfigError with all faults. */
export async function readTargetSettings(
  sources: readonly string[],
  environment: Record<string, string | undefined>,
  log: Log,
): Promise<Settings> {
  let connection: Connection | undefined
  const values = await readSettings({
    schema: SETTINGS,
    sources,
    environment,
    environmentPrefix: 'TARGET_POSTGRES_RAW',
    log,
    check(settings) {
      const faults: string[] = []
      connection = findConnection(settings, environment, faults)
      if (byteLength(settings.default_target_schema) > 63)
        faults.push('default_target_schema: must not be longer than 63 bytes')
      if (byteLength(settings.table_prefix) > 40)
        faults.push('table_prefix: must not be longer than 40 bytes')
      return faults
    },
  })
  log.configure({ level: values.log_level as 'info', format: values.log_format as 'text' })
  if (connection === undefined) throw new Error('the settings were not checked')
  if (connection.password) log.hide(connection.password)
  return {
    connection,
    schema: values.default_target_schema as string,
    tablePrefix: values.table_prefix as string,
    batchRows: values.batch_size_rows as number,
    batchBytes: values.batch_size_bytes as number,
    maxLineBytes: values.max_line_bytes as number,
    batchWaitSeconds: values.batch_wait_limit_seconds as number,
    payloadType: values.payload_type as 'json' | 'jsonb',
    validateRecords: values.validate_records as boolean,
    hardDelete: values.hard_delete as boolean,
    maxAttempts: values.max_attempts as number,
    backoffSeconds: values.backoff_seconds as number,
    stateId: values.state_id as string,
    given: formatGiven(SETTINGS, values),
  }
}

/** A setting that has a fault of its own is absent while the others are checked. */
function byteLength(setting: unknown): number {
  return Buffer.byteLength(String(setting ?? ''))
}
