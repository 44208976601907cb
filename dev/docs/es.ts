import { formatSettingsTable, type SettingsSchema } from '@singer-io-ts/core'

/** The settings as the table of README.es.md. Throws where a description has no Spanish yet. */
export function formatSpanishTable(schema: SettingsSchema): string {
  const properties = Object.fromEntries(
    Object.entries(schema.properties).map(([name, setting]) => {
      const description = DESCRIPTIONS[setting.description]
      if (description === undefined)
        throw new Error(
          `dev/docs/es.ts has no Spanish for the setting ${name}: ${setting.description}`,
        )
      return [name, { ...setting, description }]
    }),
  )
  const [, ...rows] = formatSettingsTable({ ...schema, properties }).split('\n')
  return ['| parámetro | tipo | por defecto | significado |', ...rows.map(translateType)].join('\n')
}

/** Name and meaning stay; of type and default the words between the names and numbers change. */
function translateType(row: string): string {
  const [name, type, fallback, ...meaning] = row.split(' | ')
  const translated = [type, fallback].map((cell) =>
    cell?.replace(/(?<!`)\b(or|to|secret|required|at least|at most|more than)\b/g, (word) => {
      return WORDS[word] ?? word
    }),
  )
  return [name, ...translated, ...meaning].join(' | ')
}

const WORDS: Record<string, string> = {
  or: 'o',
  to: 'a',
  secret: 'secreto',
  required: 'obligatorio',
  'at least': 'al menos',
  'at most': 'a lo sumo',
  'more than': 'más de',
}

/** What the schemas say of each setting, to the letter, and how it is said in Spanish. */
export const DESCRIPTIONS: Record<string, string> = {
  'Client ID of the Intuit app.': 'Client ID de la app de Intuit.',
  'Client secret of the Intuit app.': 'Client secret de la app de Intuit.',
  'Refresh token of the connection, for the first run; its successors are kept in `token_file`. Not needed where `token_command` prints one.':
    'Refresh token de la conexión, para la primera ejecución; sus sucesores se guardan en `token_file`. No hace falta donde `token_command` imprime uno.',
  'The company (realm) to read: a text of digits.':
    'La empresa (realm) que se lee: un texto de dígitos.',
  "Which of Intuit's hosts holds the company.": 'En cuál de los hosts de Intuit está la empresa.',
  'Instead of the host of `environment`: the URL before `/v3/company/…`. https, or http on loopback.':
    'En lugar del host de `environment`: la URL antes de `/v3/company/…`. https, o http en loopback.',
  "Instead of Intuit's token end point. https, or http on loopback.":
    'En lugar del endpoint de tokens de Intuit. https, o http en loopback.',
  "Instead of Intuit's consent page, for `tap-quickbooks login`. https, or http on loopback.":
    'En lugar de la página de consentimiento de Intuit, para `tap-quickbooks login`. https, o http en loopback.',
  'Read what changed from here on (inclusive): a date or date-time, UTC.':
    'Leer lo que cambió desde aquí (incluido), la antigua `fecha_inicio`: una fecha, o fecha y hora, UTC.',
  'Read up to here (exclusive): a date or date-time, UTC. Without it, or when it is later: now less `settle_seconds`.':
    'Leer hasta aquí (excluido), la antigua `fecha_fin`: una fecha, o fecha y hora, UTC. Si falta, o es posterior: ahora menos `settle_seconds`.',
  'Days of a window; a completed window moves the bookmark.':
    'Días de una ventana; una ventana completa avanza el bookmark.',
  'Rows asked for in a request (MAXRESULTS).': 'Filas que pide una solicitud (MAXRESULTS).',
  'Requests in flight.': 'Solicitudes simultáneas.',
  'The most requests started within a minute; besides, 10 within a second.':
    'Máximo de solicitudes que se inician en un minuto; además, 10 en un segundo.',
  'Tries of one request, the first included.': 'Intentos de una solicitud, incluido el primero.',
  'Before try n+1: this times 2^n, plus jitter up to this. A 429 pauses all requests 60 times this.':
    'Espera antes del intento n+1: este valor por 2^n, más un jitter de hasta este valor. Un 429 pausa todas las solicitudes 60 veces este valor.',
  'The longest that one request may take, in seconds.':
    'Lo máximo que puede tardar una solicitud, en segundos.',
  "How far the upper bound stays behind now (QuickBooks' clock), in seconds.":
    'Cuánto queda el límite superior detrás de ahora (reloj de QuickBooks), en segundos.',
  'Read again this far before the bookmark, for rows that become visible late.':
    'Leer otra vez desde tanto antes del bookmark, en segundos, por las filas que se hacen visibles tarde.',
  'End with exit 8 and a good STATE before the run makes more metered calls.':
    'Terminar con código 8 y un STATE bueno antes de que la ejecución haga más llamadas medidas que estas.',
  'Where the rotated tokens are kept (0600). Default: `$XDG_STATE_HOME/tap-quickbooks/<realm_id>.json`, or under `~/.local/state`.':
    'Dónde se guardan los tokens rotados (0600). Si no se da: `$XDG_STATE_HOME/tap-quickbooks/<realm_id>.json`, o bajo `~/.local/state`.',
  'Instead of `token_file`: a program, run by the shell, that prints the refresh token when its stdin is empty, and stores the one that comes on its stdin. `token_file` holds a new token only until the program has stored it.':
    'En lugar de `token_file`: un programa, que ejecuta el shell, que imprime el refresh token cuando su stdin está vacío, y guarda el que llega por su stdin. `token_file` contiene un token nuevo solo hasta que el programa lo haya guardado.',
  'Ask change data capture for deleted objects (not on a first run).':
    'Preguntar al change data capture por los objetos borrados (no en una primera ejecución).',
  'When deletions can no longer be known: say so, or read the stream again in full under a new version.':
    'Cuando ya no se puede saber de los borrados: decirlo, o leer el stream completo otra vez con una versión nueva.',
  'The User-Agent header of every request.': 'El encabezado User-Agent de cada solicitud.',
  'The least level that is printed on stderr.': 'El nivel mínimo que se imprime en stderr.',
  'text for people, json for Meltano (also when LOGGING_CONF_FILE or SINGER_SDK_LOG_CONFIG is set).':
    'text para personas, json para Meltano (también cuando está definida LOGGING_CONF_FILE o SINGER_SDK_LOG_CONFIG).',
  'Where and as whom to connect: `postgres://user:password@host:port/database?sslmode=…`. What it leaves out comes from the settings below, then from `PGHOST`, `PGUSER` and so on, as psql does.':
    'A dónde y como quién conectarse: `postgres://user:password@host:port/database?sslmode=…`. Lo que omita viene de los parámetros siguientes, y después de `PGHOST`, `PGUSER` y demás, como en psql.',
  'The server, or the directory of its Unix socket.':
    'El servidor, o el directorio de su socket Unix.',
  'Its port; 5432 if nothing says otherwise.': 'Su puerto; 5432 si nada dice otra cosa.',
  'The role that loads.': 'El rol que carga.',
  'Its password; `~/.pgpass` is read too.': 'Su contraseña; también se lee `~/.pgpass`.',
  'The database; named as the user if nothing says otherwise.':
    'La base de datos; se llama como el usuario si nada dice otra cosa.',
  "In libpq's words; if not given, prefer on this machine, else verify-full.":
    'En las palabras de libpq; si no se da, prefer en esta máquina, y en otra verify-full.',
  'File (PEM) with the authorities to trust. Without it, or with the word `system`, verify-full trusts those that Node knows.':
    'Archivo (PEM) con las autoridades en las que se confía. Si falta, o con la palabra `system`, verify-full confía en las que Node conoce.',
  'File (PEM) with the own certificate.': 'Archivo (PEM) con el certificado propio.',
  'File (PEM) with the key of the own certificate; only its owner may read it.':
    'Archivo (PEM) con la clave del certificado propio; solo su dueño puede leerlo.',
  'The schema of all tables; created if missing.':
    'El esquema de todas las tablas; se crea si falta.',
  'Before the name of each table: `qb_` makes `raw.qb_invoices`.':
    'Va antes del nombre de cada tabla: `qb_` da `raw.qb_invoices`.',
  'A commit comes at the latest after so many records of all streams together.':
    'Hay un commit a más tardar después de tantos registros de todos los streams juntos.',
  'So many bytes of records are held at the most: a commit comes at the latest after half of them, while the other half comes in.':
    'Se retienen a lo sumo tantos bytes de registros: hay un commit a más tardar después de la mitad, mientras entra la otra mitad.',
  'A longer message is bad input. Memory grows by about four times the longest line that comes.':
    'Un mensaje más largo es entrada inválida. La memoria crece unas cuatro veces la línea más larga que llegue.',
  'A commit comes at the latest after so many seconds, also when the input is silent.':
    'Hay un commit a más tardar después de tantos segundos, también cuando la entrada calla.',
  'Type of the column payload in new tables: `json` keeps the text to the letter, `jsonb` can be searched faster.':
    'Tipo de la columna payload en tablas nuevas: `json` conserva el texto al pie de la letra, en `jsonb` se busca más rápido.',
  "Whether each record must fit its stream's schema; one that does not is bad input.":
    'Si cada registro debe cumplir el esquema de su stream; uno que no lo cumple es entrada inválida.',
  'Delete rows instead of marking them, for `_sdc_deleted_at` and ACTIVATE_VERSION alike.':
    'Borrar las filas en vez de marcarlas, tanto por `_sdc_deleted_at` como por ACTIVATE_VERSION.',
  'How often a transaction is tried when the connection is refused or lost, or others are in the way.':
    'Cuántas veces se intenta una transacción cuando la conexión se rechaza o se pierde, o cuando otras estorban.',
  'The wait before try n+1 is this · 2ⁿ seconds, and up to this more.':
    'La espera antes del intento n+1 es de este valor · 2ⁿ segundos, y hasta este valor más.',
  'The row of `_singer_state` that keeps the last STATE: one for each pipeline.':
    'La fila de `_singer_state` que guarda el último STATE: una por pipeline.',
}
