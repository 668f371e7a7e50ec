/** Runs in the page before anything of it, and notes what is to be measured on `window.seen`. */
const seen = { shifts: [], tasks: [], inputs: [], busy: [] }
window.seen = seen

function observe(options, note) {
  const hear = (list) => {
    for (const entry of list.getEntries()) note(entry)
  }
  new PerformanceObserver(hear).observe({ buffered: true, ...options })
}
const nameOf = (node) => (node ? [node.nodeName.toLowerCase(), ...(node.classList ?? [])].join('.') : 'gone')
observe({ type: 'layout-shift' }, ({ startTime, value, hadRecentInput, sources }) => {
  const what = [...new Set(sources.map(({ node }) => nameOf(node)))]
  if (!hadRecentInput) seen.shifts.push({ at: startTime, value, what })
})
observe({ type: 'longtask' }, ({ startTime, duration }) => {
  seen.tasks.push({ at: startTime, ms: duration })
})
observe({ type: 'event', durationThreshold: 16 }, ({ name, startTime, duration, interactionId }) => {
  if (interactionId) seen.inputs.push({ id: interactionId, name, at: startTime, ms: duration })
})

/** When something filtered or trained, as the page's own status says. */
function notePhase() {
  const phase = document.querySelector('[data-testid=status]')?.getAttribute('data-phase')
  const last = seen.busy.at(-1)
  const trains = phase === 'filtering' || phase === 'training' || phase === 'committing'
  if (trains && (!last || last.to !== null)) seen.busy.push({ from: performance.now(), to: null })
  if (!trains && last?.to === null) last.to = performance.now()
}

let ranked = false
const changes = new MutationObserver(() => {
  notePhase()
  if (ranked || !document.querySelector('[data-testid=feed] article')) return
  ranked = true
  // In the second of two frames what the first has drawn is on the screen.
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      const [page] = performance.getEntriesByType('navigation')
      const paints = performance.getEntriesByType('paint').map(({ name, startTime }) => [name, startTime])
      window.onRanked({
        ranked: performance.now(),
        response: page.responseEnd,
        parsed: page.domContentLoadedEventEnd,
        ...Object.fromEntries(paints),
      })
    }),
  )
})
changes.observe(document, {
  childList: true,
  subtree: true,
  attributes: true,
  attributeFilter: ['data-phase'],
})
