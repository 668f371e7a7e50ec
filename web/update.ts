/** New versions of the app: found by the service worker, taken when the user agrees. */
import { createStore, type Store } from './store.ts'

export interface Updates {
  /** Whether another version than this page's can be had. */
  readonly ready: Store<boolean>
  /** Reloads into it. To be called between rounds only: a reload cuts a round. */
  take(): void
}

/** Registers the service worker; without one, or while it cannot be had, the page works as it is. */
export function createUpdates(reload: () => void): Updates {
  const ready = createStore(false)
  /** How the version that is ready can be had. */
  let act = reload
  let mine = false
  const updates = {
    ready,
    take() {
      mine = true
      act()
    },
  }
  if (!('serviceWorker' in navigator)) return updates

  async function register(): Promise<void> {
    // Not before the feed: the first view does not wait for it.
    const { Workbox } = await import('workbox-window')
    const workbox = new Workbox('/sw.js')
    workbox.addEventListener('waiting', () => {
      act = () => workbox.messageSkipWaiting()
      ready.set(true)
    })
    workbox.addEventListener('controlling', ({ isUpdate, isExternal }) => {
      if (!isUpdate && !isExternal) return
      // Where another tab agreed, this one still asks its own user.
      if (mine) return reload()
      act = reload
      ready.set(true)
    })
    await workbox.register()
  }
  register().catch(() => undefined)
  return updates
}
