import { EXIT, type Life, tellCheck } from '@singer-io-ts/core'
import type { Run } from './plan.ts'

/** Loads go by QuickBooks' clock; apart from it by more, this machine's is worth a word. */
const CLOCKS_APART = 5

/**
 * `tap-quickbooks --test`: tries the connection with one metered call, and says what it finds as
 * soon as it is known. What fails is thrown, as in a run.
 */
export async function checkConnection({ client, config }: Run, life: Life): Promise<number> {
  const { realmId } = config
  const place = new URL(config.baseUrl).host
  tellCheck(
    {
      check: 'settings',
      outcome: 'ok',
      found: `complete: company ${realmId} at ${place}`,
      realm_id: realmId,
    },
    life,
  )
  await client.now()
  tellCheck({ check: 'token', outcome: 'ok', found: 'QuickBooks has given an access token' }, life)
  const answer = await client.get({
    stream: 'test',
    endpoint: 'companyinfo',
    path: `companyinfo/${realmId}`,
    parameters: { minorversion: '75' },
    member: 'CompanyInfo',
  })
  const { CompanyName } = answer.json.CompanyInfo as { CompanyName?: unknown }
  const found = `connected to company ${JSON.stringify(CompanyName)} (realm ${realmId})`
  tellCheck({ check: 'company', outcome: 'ok', found }, life)
  checkClock(client.seenNow() - Date.now() / 1000, life)
  return EXIT.done
}

/** `ahead`: seconds by which QuickBooks' clock is before this machine's. */
function checkClock(ahead: number, life: Life): void {
  const apart = Math.abs(ahead)
  if (apart < CLOCKS_APART) {
    const found = "this machine's clock agrees with QuickBooks'"
    tellCheck({ check: 'clock', outcome: 'ok', found }, life)
    return
  }
  const way = ahead > 0 ? 'behind' : 'ahead of'
  tellCheck(
    {
      check: 'clock',
      outcome: 'warn',
      found: `this machine's clock is ${Math.round(apart)} s ${way} QuickBooks'`,
      todo: "Loads are right all the same, for they go by QuickBooks' clock; but set it, for the times in logs",
    },
    life,
  )
}
