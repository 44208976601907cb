/** The columns of the views: what becomes of a member of a JSON object, as SQL. */

export type Column = {
  /** As Postgres calls it. */
  type: 'text' | 'numeric' | 'integer' | 'date' | 'timestamp with time zone' | 'boolean'
  /** Its value out of a jsonb (SQL too); null where the member is absent or not of this type. */
  from: (object: string) => string
}

// A value is cast only where it looks like what its type takes: a malformed one is null, not an
// error. No backslash is in these patterns, for standard_conforming_strings would have a say in it.
const NUMBER = '^-?[0-9]+(?:[.][0-9]*)?(?:[eE][-+]?[0-9]{1,2})?$'
const LONGEST_NUMBER = 200
const WHOLE = '^-?[0-9]{1,9}$'
const MONTH_AND_DAY =
  '(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])' +
  '|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))'
const LEAP_DAY =
  '(?:[1-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[2468][048]|[13579][26])00)-02-29'
/** A day that the calendar has, of a year with four digits. */
const DAY = `(?:[1-9][0-9]{3}-${MONTH_AND_DAY}|${LEAP_DAY})`
const TIME = '(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.][0-9]{1,9})?'
const ZONE = '(?:Z|[-+](?:0[0-9]|1[0-4]):?[0-5][0-9])'

/** Text as it is. The path is that of QuickBooks' own names: `CustomerRef.value`. */
export function text(path: string): Column {
  return { type: 'text', from: (object) => member(object, path) }
}

/** A decimal with all its digits, never by way of a float. */
export function decimal(path: string): Column {
  return {
    type: 'numeric',
    from: (object) => {
      const value = member(object, path)
      const isShort = `length(${value}) <= ${LONGEST_NUMBER}`
      return `case when ${isShort} and ${value} ~ '${NUMBER}' then (${value})::numeric end`
    },
  }
}

export function whole(path: string): Column {
  return {
    type: 'integer',
    from: (object) => {
      const value = member(object, path)
      return `case when ${value} ~ '${WHOLE}' then (${value})::integer end`
    },
  }
}

/** A calendar day; of a time with its day, the day as it is written. */
export function date(path: string): Column {
  const pattern = `^${DAY}(?:[-+TZ ][-+TZ0-9:. ]*)?$`
  return {
    type: 'date',
    from: (object) => {
      const value = member(object, path)
      return `case when ${value} ~ '${pattern}' then left(${value}, 10)::date end`
    },
  }
}

/** An instant. Without a zone nobody knows which it is: null. */
export function time(path: string): Column {
  const pattern = `^${DAY}[T ]${TIME}${ZONE}$`
  return {
    type: 'timestamp with time zone',
    from: (object) => {
      const value = member(object, path)
      return `case when ${value} ~ '${pattern}' then (${value})::timestamptz end`
    },
  }
}

export function flag(path: string): Column {
  return {
    type: 'boolean',
    from: (object) =>
      `case ${member(object, path)} when 'true' then true when 'false' then false end`,
  }
}

/** The member at `path` where that at `kindPath` is one of these words. */
export function only(path: string, kindPath: string, ...kinds: string[]): Column {
  const words = kinds.map((kind) => `'${kind}'`).join(', ')
  return {
    type: 'text',
    from: (object) =>
      `case when ${member(object, kindPath)} in (${words}) then ${member(object, path)} end`,
  }
}

/** A custom field, by its name in small letters with `_` for all else than letters and digits. */
export function customField(name: string): Column {
  return {
    type: 'text',
    from: (object) =>
      `(select field.value ->> 'StringValue' from ${elements(object, 'CustomField')} as field(value)
      where trim('_' from regexp_replace(lower(field.value ->> 'Name'), '[^a-z0-9]+', '_', 'g')) = '${name}'
      limit 1)`,
  }
}

/** A column that the connector of the package has, and QuickBooks' objects have not. */
export function never(type: Column['type']): Column {
  return { type, from: () => `null::${type}` }
}

/** A member as text, null where there is none. */
export function member(object: string, path: string): string {
  return path.includes('.') ? `${object} #>> ${names(path)}` : `${object} ->> '${path}'`
}

/** The elements of a member that is an array; of anything else none. */
export function elements(object: string, path: string): string {
  const value = `${object} #> ${names(path)}`
  return `jsonb_array_elements(case when jsonb_typeof(${value}) = 'array' then ${value} end)`
}

function names(path: string): string {
  return `'{${path.split('.').join(',')}}'`
}
