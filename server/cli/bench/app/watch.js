/** Runs in the page before anything of it, and notes on `window` what is to be measured. */
const shifts = []
const tasks = []
const inputs = []
Object.assign(window, { shifts, tasks, inputs })

const observe = (hear, options) =>
  new PerformanceObserver((list) => list.getEntries().forEach(hear)).observe({ buffered: true, ...options })
observe(
  ({ startTime, value, hadRecentInput }) => {
    if (!hadRecentInput) shifts.push({ at: startTime, value })
  },
  { type: 'layout-shift' },
)
observe(({ startTime, duration }) => tasks.push({ at: startTime, ms: duration }), { type: 'longtask' })
observe(
  ({ name, startTime, duration, interactionId }) => {
    if (interactionId) inputs.push({ id: interactionId, name, at: startTime, ms: duration })
  },
  { type: 'event', durationThreshold: 16 },
)

const whenRanked = new MutationObserver(() => {
  if (!document.querySelector('[data-testid=feed] article')) return
  whenRanked.disconnect()
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
whenRanked.observe(document, { childList: true, subtree: true })
