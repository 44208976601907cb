/** https, or http on loopback, and nothing but a place. */
export function isSafeUrl(text: string): boolean {
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return false
  }
  // Credentials in a URL would end up in logs and in the records' origin.
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    return false
  if (url.protocol === 'https:') return true
  return url.protocol === 'http:' && isLoopback(url)
}

export function isLoopback({ hostname }: URL): boolean {
  return /^127(\.\d{1,3}){3}$/.test(hostname) || ['localhost', '[::1]'].includes(hostname)
}

/** What is wrong with the URL of this name. Where it may hold credentials, it is shown without. */
export function urlFault(name: string, url: string): string {
  const shown = url.replace(/\/\/[^/]*@/, '//***@').replace(/[?#].*$/s, (more) => `${more[0]}***`)
  return (
    `${name}: must be a https URL without user, password, query and fragment, or http on ` +
    `loopback, found ${JSON.stringify(shown)}`
  )
}
