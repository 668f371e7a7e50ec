/** In a page the device's tests lock by the browser's own Web Locks; each `createLocks` stands for a browser of its own. */
import type { Locks } from '../../worker/platform.ts'

export * from '../../worker/locks.ts'

let browsers = 0

export function createLocks(): Locks {
  const prefix = `test-${++browsers}-`
  const own = navigator.locks as unknown as Locks
  return {
    request(name, { signal, ...options }, work) {
      // A signal ends the waiting; browsers refuse one where there is none.
      const waits = !options.ifAvailable && !options.steal
      return own.request(prefix + name, { ...options, ...(signal && waits && { signal }) }, work)
    },
  }
}
