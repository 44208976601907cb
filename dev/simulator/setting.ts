/** What the renderers need to know of the company besides a row's own columns. */
export type Setting = {
  seed: number
  customers: number
  items: number
  /** Several currencies; foreign invoices are taxed in the non-US style. */
  multicurrency: boolean
  /** Start of the company's history, epoch seconds. */
  from: number
}

export type Currency = { code: string; name: string; rateMicros: number }

/** Home currency first; rates are home units per foreign unit × 10^6. */
export const currencies: readonly Currency[] = [
  { code: 'USD', name: 'United States Dollar', rateMicros: 1_000_000 },
  { code: 'CAD', name: 'Canadian Dollar', rateMicros: 731_294 },
  { code: 'EUR', name: 'Euro', rateMicros: 1_091_850 },
  { code: 'GBP', name: 'British Pound Sterling', rateMicros: 1_230_194 },
  { code: 'DOP', name: 'Dominican Peso', rateMicros: 16_805 },
  { code: 'COP', name: 'Colombian Peso', rateMicros: 245 },
]

/** A reference as QuickBooks writes it. */
export function reference(value: string | number, name?: string): string {
  const named = name === undefined ? '' : `,"name":${JSON.stringify(name)}`
  return `{"value":"${value}"${named}}`
}
