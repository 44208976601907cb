import { LOG_SETTINGS, type SettingsSchema } from '@singer-io-ts/core'

/** The only description of the tap's settings. Times are in seconds unless the name says days. */
export const SETTINGS: SettingsSchema = {
  type: 'object',
  required: ['client_id', 'client_secret', 'refresh_token', 'realm_id', 'start_date'],
  properties: {
    client_id: {
      type: 'string',
      minLength: 1,
      secret: true,
      title: 'Client ID',
      description: 'Client ID of the Intuit app.',
    },
    client_secret: {
      type: 'string',
      minLength: 1,
      secret: true,
      title: 'Client secret',
      description: 'Client secret of the Intuit app.',
    },
    refresh_token: {
      type: 'string',
      minLength: 1,
      secret: true,
      title: 'Refresh token',
      description:
        'Refresh token of the connection, for the first run; its successors are kept in `token_file`. Not needed where `token_command` prints one.',
    },
    realm_id: {
      type: 'string',
      pattern: '^[0-9]{1,20}$',
      form: 'a text of digits, in quotes',
      title: 'Company ID',
      description: 'The company (realm) to read: a text of digits.',
    },
    environment: {
      type: 'string',
      enum: ['production', 'sandbox'],
      default: 'production',
      title: 'Environment',
      description: "Which of Intuit's hosts holds the company.",
    },
    base_url: {
      type: 'string',
      title: 'API root',
      description:
        'Instead of the host of `environment`: the URL before `/v3/company/…`. https, or http on loopback.',
    },
    token_url: {
      type: 'string',
      title: 'Token end point',
      description: "Instead of Intuit's token end point. https, or http on loopback.",
    },
    authorize_url: {
      type: 'string',
      title: 'Consent page',
      description:
        "Instead of Intuit's consent page, for `tap-quickbooks login`. https, or http on loopback.",
    },
    start_date: {
      type: 'string',
      elsewhere: 'fecha_inicio',
      title: 'Start',
      description: 'Read what changed from here on (inclusive): a date or date-time, UTC.',
    },
    end_date: {
      type: 'string',
      elsewhere: 'fecha_fin',
      title: 'End',
      description:
        'Read up to here (exclusive): a date or date-time, UTC. Without it, or when it is later: now less `settle_seconds`.',
    },
    chunk_days: {
      type: 'number',
      exclusiveMinimum: 0,
      default: 30,
      title: 'Window length',
      description: 'Days of a window; a completed window moves the bookmark.',
    },
    page_size: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 1000,
      title: 'Page size',
      description: 'Rows asked for in a request (MAXRESULTS).',
    },
    concurrency: {
      type: 'integer',
      minimum: 1,
      maximum: 10,
      default: 4,
      title: 'Concurrency',
      description: 'Requests in flight.',
    },
    requests_per_minute: {
      type: 'integer',
      minimum: 1,
      maximum: 500,
      default: 450,
      title: 'Requests a minute',
      description: 'The most requests started within a minute; besides, 10 within a second.',
    },
    max_attempts: {
      type: 'integer',
      minimum: 1,
      maximum: 1000,
      default: 5,
      title: 'Attempts',
      description: 'Tries of one request, the first included.',
    },
    backoff_seconds: {
      type: 'number',
      minimum: 0,
      maximum: 3600,
      default: 1,
      title: 'Back-off',
      description:
        'Before try n+1: this times 2^n, plus jitter up to this. A 429 pauses all requests 60 times this.',
    },
    timeout_seconds: {
      type: 'number',
      exclusiveMinimum: 0,
      maximum: 86_400,
      default: 120,
      title: 'Timeout',
      description: 'The longest that one request may take, in seconds.',
    },
    settle_seconds: {
      type: 'number',
      minimum: 0,
      maximum: 2_592_000,
      default: 30,
      title: 'Settle time',
      description: "How far the upper bound stays behind now (QuickBooks' clock), in seconds.",
    },
    lookback_seconds: {
      type: 'number',
      minimum: 0,
      maximum: 315_360_000,
      default: 0,
      title: 'Look-back',
      description: 'Read again this far before the bookmark, for rows that become visible late.',
    },
    call_limit: {
      type: 'integer',
      minimum: 1,
      title: 'Call limit',
      description: 'End with exit 8 and a good STATE before the run makes more metered calls.',
    },
    token_file: {
      type: 'string',
      minLength: 1,
      title: 'Token file',
      description:
        'Where the rotated tokens are kept (0600). Default: `$XDG_STATE_HOME/tap-quickbooks/<realm_id>.json`, or under `~/.local/state`.',
    },
    token_command: {
      type: 'string',
      minLength: 1,
      title: 'Token command',
      description:
        'Instead of `token_file`: a program, run by the shell, that prints the refresh token when its stdin is empty, and stores the one that comes on its stdin. `token_file` holds a new token only until the program has stored it.',
    },
    deletes: {
      type: 'boolean',
      default: true,
      title: 'Deletes',
      description: 'Ask change data capture for deleted objects (not on a first run).',
    },
    on_delete_gap: {
      type: 'string',
      enum: ['warn', 'reload'],
      default: 'warn',
      title: 'On a gap in deletes',
      description:
        'When deletions can no longer be known: say so, or read the stream again in full under a new version.',
    },
    user_agent: {
      type: 'string',
      pattern: '^[\\x20-\\x7e]+$',
      form: 'printable ASCII text',
      default: 'tap-quickbooks',
      title: 'User agent',
      description: 'The User-Agent header of every request.',
    },
    ...LOG_SETTINGS,
  },
}

/** The settings for a run: `checkSettings` knows when `refresh_token` is required. */
export const RUN_SETTINGS: SettingsSchema = {
  ...SETTINGS,
  required: SETTINGS.required.filter((name) => name !== 'refresh_token'),
}
