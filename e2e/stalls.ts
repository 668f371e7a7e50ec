/** When the whole machine stood still, as seen from this process: what a page is blocked for meanwhile is not the page's. */

/** How often it is looked, ms. */
const EVERY_MS = 5
/** A turn that comes so much later is one that nobody got, ms. */
const LATE_MS = 20

export interface Stalls {
  /** Milliseconds of [`start`, `end`] (ms since 1970) in which this process got no turn. */
  within(start: number, end: number): number
  /** Looks no longer. */
  stop(): void
}

export function watchStalls(): Stalls {
  const found: { start: number; end: number }[] = []
  let last = Date.now()
  function look(): void {
    const now = Date.now()
    if (now - last > EVERY_MS + LATE_MS) found.push({ start: last, end: now })
    last = now
  }
  const timer = setInterval(look, EVERY_MS)
  return {
    within(from, to) {
      look()
      return found.reduce(
        (sum, { start, end }) => sum + Math.max(0, Math.min(end, to) - Math.max(start, from)),
        0,
      )
    },
    stop: () => clearInterval(timer),
  }
}
