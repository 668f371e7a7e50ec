/** New versions of the app: found by the service worker, taken when the user agrees. */
import { scriptAddress } from '../shared/trusted.ts'
import { ROUND_LOCK } from '../shared/version.ts'
import { createStore, type Store } from './store.ts'

/** A new version that has not taken over by then does not come: rounds may go on. */
const GIVE_UP_MS = 10_000

export interface Updates {
  /** Whether another version than this page's can be had. */
  readonly ready: Store<boolean>
  /** Reloads into it, once no tab is in the middle of a round. */
  take(): void
}

/** Acts while no round runs in any tab, and none can begin. */
export function betweenRounds(
  act: () => void,
  locks: Pick<LockManager, 'request'> | undefined,
  later: (act: () => void, ms: number) => unknown = setTimeout,
): Promise<void> {
  const work = () =>
    new Promise<void>((done) => {
      act()
      later(done, GIVE_UP_MS) // the lock goes with the page, if that goes
    })
  return locks ? locks.request(ROUND_LOCK, work) : work()
}

/**
 * Registers the service worker, when the page is `calm`: what it stores would share a slow line with the first view. Without
 * one, or while it cannot be had, the page works as it is.
 */
export function createUpdates(reload: () => void, calm: Promise<unknown>): Updates {
  const ready = createStore(false)
  /** How the version that is ready can be had. */
  let act = reload
  let mine = false
  const updates = {
    ready,
    take() {
      mine = true
      // Without a secure context there are no locks, nor a service worker.
      void betweenRounds(() => act(), navigator.locks as LockManager | undefined)
    },
  }
  if (!('serviceWorker' in navigator)) return updates

  async function register(): Promise<void> {
    await calm
    const { Workbox } = await import('workbox-window')
    const workbox = new Workbox(scriptAddress('/sw.js'))
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
