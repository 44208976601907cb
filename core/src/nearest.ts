/** The known word that this one may be meant for; undefined where none is near. */
export function nearestWord(given: string, known: readonly string[]): string | undefined {
  const word = given.toLowerCase()
  const nearest = known
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .sort((a, b) => a.distance - b.distance)[0]
  const isNear =
    nearest !== undefined &&
    (nearest.distance <= Math.max(2, word.length / 2) ||
      (word.length > 2 && nearest.candidate.includes(word)))
  return isNear ? nearest.candidate : undefined
}

/** Levenshtein's distance between two short words. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
