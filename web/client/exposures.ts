/** Which elements on screen count as seen, told to a client by itself. */
import { createExposures } from '../feed/exposure.ts'
import type * as api from './api.ts'
import type { Tracked } from './api.ts'

const STEPS = Array.from({ length: 11 }, (_, i) => i / 10)

export const watchExposures: typeof api.watchExposures = ({ track }) => {
  const now = () => performance.now()
  const exposures = createExposures()
  const items = new Map<Element, string>()
  const contexts = new Map<string, readonly number[]>()
  const over = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined

  const exposure = (item: string): Tracked => {
    const context = contexts.get(item)
    return { type: 'exposure', item, ...(context && { context }) }
  }
  // What cannot be recorded is told in the status; nobody waits for it here.
  const tell = (events: Tracked[]) => void (events.length && track(events).catch(() => {}))

  function collect(): void {
    tell(exposures.seen(now()).map(exposure))
    clearTimeout(timer)
    const at = exposures.next()
    if (at !== null) timer = setTimeout(collect, Math.max(0, at - now()))
  }

  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, intersectionRatio, intersectionRect, rootBounds } of entries) {
        const item = items.get(target)
        if (item === undefined) continue
        // An element taller than the screen can be seen, too.
        const covered = rootBounds?.height ? intersectionRect.height / rootBounds.height : 0
        exposures.visible(item, Math.max(intersectionRatio, covered), now())
      }
      collect()
    },
    { threshold: STEPS },
  )
  const page = () => {
    collect()
    exposures.page(!document.hidden, now())
    collect()
  }
  document.addEventListener('visibilitychange', page, { signal: over.signal })

  return {
    observe(element, item, context) {
      items.set(element, item)
      if (context) contexts.set(item, context)
      observer.observe(element)
      return () => {
        observer.unobserve(element)
        items.delete(element)
        exposures.visible(item, 0, now())
      }
    },
    click: (item) => track([...(exposures.force(item) ? [exposure(item)] : []), { type: 'click', item }]),
    disconnect() {
      observer.disconnect()
      over.abort()
      clearTimeout(timer)
    },
  }
}
