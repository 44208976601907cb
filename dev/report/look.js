// What the page looks like to a reader: read by the test and run inside the page. Gives
// overflow: how far the page is wider than the window; collisions: texts that lie over each other;
// cut: labels of the charts that reach out of their place; faint: what stands out too little;
// scrolled: tables of which a column can be seen only after scrolling.
;(() => {
  const boxes = []
  const faint = new Set()
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const text = node.textContent?.trim() ?? ''
    const parent = node.parentElement
    if (text === '' || parent === null || isFolded(parent)) continue
    const range = document.createRange()
    range.selectNodeContents(node)
    const rects = [...range.getClientRects()].flatMap((rect) => visible(rect, parent))
    if (rects.length === 0) continue
    for (const rect of rects) boxes.push({ text, node, rect })
    const ratio = contrast(getComputedStyle(parent).color, backgroundOf(parent))
    if (ratio < 4.5) faint.add(`${text.slice(0, 40)}: ${ratio.toFixed(2)}`)
  }

  const collisions = []
  boxes.sort((a, b) => a.rect.top - b.rect.top)
  for (const [index, one] of boxes.entries())
    for (const other of boxes.slice(index + 1)) {
      if (other.rect.top > one.rect.bottom - 2) break
      const isOver =
        Math.min(one.rect.right, other.rect.right) - Math.max(one.rect.left, other.rect.left) > 2
      if (isOver && one.node !== other.node) collisions.push(`${one.text} / ${other.text}`)
    }

  const cut = [...document.querySelectorAll('.ticks span, .name, .note, .legend span')].flatMap(
    (label) => {
      const frame = label.parentElement?.getBoundingClientRect()
      const box = label.getBoundingClientRect()
      const isOut = frame === undefined || box.right > frame.right + 1 || box.left < frame.left - 1
      return box.width > 0 && (isOut || label.scrollWidth > label.clientWidth + 1)
        ? [label.textContent ?? '']
        : []
    },
  )

  const style = getComputedStyle(document.documentElement)
  for (const name of ['--data', '--good', '--warn', '--bad', '--grid']) {
    const ratio = contrast(
      asColor(style.getPropertyValue(name)),
      asColor(style.getPropertyValue('--paper')),
    )
    if (ratio < 3) faint.add(`${name}: ${ratio.toFixed(2)}`)
  }
  const root = document.documentElement
  return {
    overflow: root.scrollWidth - root.clientWidth,
    collisions,
    cut,
    faint: [...faint],
    scrolled: [...document.querySelectorAll('.scroll')].flatMap((frame) =>
      frame.scrollWidth > frame.clientWidth + 1
        ? [`${frame.getAttribute('aria-label')}: ${frame.scrollWidth - frame.clientWidth}`]
        : [],
    ),
    texts: boxes.length,
  }

  function isFolded(element) {
    const details = element.closest('details:not([open])')
    return details !== null && element.closest('summary') === null
  }

  /** What can be seen of it where a table is scrolled. */
  function visible(rect, element) {
    const frame = element.closest('.scroll')?.getBoundingClientRect() ?? rect
    const left = Math.max(rect.left, frame.left)
    const right = Math.min(rect.right, frame.right)
    const top = Math.max(rect.top, frame.top)
    const bottom = Math.min(rect.bottom, frame.bottom)
    return right > left && bottom > top ? [{ left, right, top, bottom }] : []
  }

  /** Any way to write a colour, as the browser's own `rgb(…)`. */
  function asColor(text) {
    const element = document.createElement('i')
    element.style.color = text
    document.body.append(element)
    const color = getComputedStyle(element).color
    element.remove()
    return color
  }

  function backgroundOf(element) {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor
      if (!/, 0\)$|transparent/.test(color)) return color
    }
    return 'rgb(255, 255, 255)'
  }

  /** WCAG's ratio of two opaque colours. */
  function contrast(one, other) {
    const [light = 1, dark = 1] = [luminance(one), luminance(other)].sort((a, b) => b - a)
    return (light + 0.05) / (dark + 0.05)
  }

  function luminance(color) {
    const [red = 0, green = 0, blue = 0] = (color.match(/[\d.]+/g) ?? []).map((part) => {
      const share = Number(part) / 255
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
})()
