/**
 * The state file of a run that loads a window again: `window-20240101T000000Z-checked-….json` in
 * that folder. Another check gives another name, for a state that has passed the window loads
 * nothing. Instants are ISO 8601 in UTC.
 */
export function windowStateFile(folder: string, start: string, checkedAt: string): string {
  const name = `window-${plain(start)}-checked-${plain(checkedAt)}.json`
  return folder === '' || folder === '.' ? name : `${folder.replace(/\/$/, '')}/${name}`
}

function plain(instant: string): string {
  return instant.replace(/\.0+Z$/, 'Z').replace(/[-:]/g, '')
}
