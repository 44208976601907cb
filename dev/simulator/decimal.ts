// QuickBooks pads money to two decimals but writes zero as `0`, and never pads prices, quantities
// and rates. Doubles lose both habits, so amounts are whole numbers here and text on the wire.

/** Whole cents as QuickBooks writes money: `100.00`, `1.10`, `0`, `-5.05`. */
export function money(cents: number): string {
  if (cents === 0) return '0'
  const sign = cents < 0 ? '-' : ''
  const absolute = Math.abs(cents)
  const rest = absolute % 100
  return `${sign}${(absolute - rest) / 100}.${rest < 10 ? '0' : ''}${rest}`
}

/** `units` × 10^-scale without padding: decimal(375, 1) is `37.5`, decimal(5306667, 7) `0.5306667`. */
export function decimal(units: number, scale: number): string {
  const sign = units < 0 ? '-' : ''
  const digits = String(Math.abs(units)).padStart(scale + 1, '0')
  const whole = digits.slice(0, digits.length - scale)
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '')
  return fraction === '' ? sign + whole : `${sign}${whole}.${fraction}`
}
