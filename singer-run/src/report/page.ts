import { calls } from './calls.ts'
import { coverage } from './coverage.ts'
import { differences } from './differences.ts'
import { headline, headlineOf } from './headline.ts'
import { history } from './history.ts'
import { type Html, html } from './html.ts'
import type { Model } from './model.ts'
import { months } from './months.ts'
import { next } from './next.ts'
import { STYLE } from './style.ts'
import { formatMinute } from './time.ts'

/** The whole page: one file that needs nothing else, and is allowed nothing else. */
export function formatPage(model: Model): string {
  const { last, now } = model
  const title = `singer-run: ${headlineOf(model).text}`
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${{ html: STYLE }}</style></head>
<body><main>
${headline(model)}
${coverage(model)}
${months(model)}
${differences(model)}
${history(model)}
${calls(model)}
${next(model)}
<footer><p>Made ${formatMinute(now)} by singer-run report. ${versions(last)}</p></footer>
</main></body></html>
`
  return page.html.replace(/\n{2,}/g, '\n')
}

function versions(last: Model['last']): Html | false {
  if (last === undefined) return false
  const { singer_run, tap, target, node } = last.versions ?? {}
  const names = [
    `singer-run ${singer_run}`,
    tap,
    target,
    node === undefined ? undefined : `Node ${node}`,
  ]
  return html`The last run: ${names.filter((name) => name !== undefined).join(', ')}. State: ${last.state_file}`
}
