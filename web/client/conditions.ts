/** What only a page can tell its device: how the machine and the page stand, that the user is at work, what may be kept. */
import type { Conditions, DeviceApi, Status } from '../../shared/protocol.ts'
import type { Store } from '../store.ts'
import { origin } from './model.ts'

/** Chromium's; not in TypeScript's DOM. */
interface Battery extends EventTarget {
  readonly level: number
  readonly charging: boolean
}
interface Connection extends EventTarget {
  readonly saveData?: boolean
}
interface MoreNavigator extends Navigator {
  getBattery?(): Promise<Battery>
  readonly connection?: Connection
}

/** While the user goes on, the device hears of it this often. */
const BUSY_EVERY_MS = 100
/** What needs the machine at once; a pointer that only moves does not. */
const INPUT = ['pointerdown', 'touchmove', 'wheel', 'scroll', 'keydown'] as const

/** Tells how things stand, now and at each change until `signal`. What the browser does not say is null. */
export function tellConditions(
  page: Window,
  tell: (conditions: Conditions) => void,
  signal?: AbortSignal,
): void {
  const until = signal ? { signal } : {}
  const { document } = page
  const navigator: MoreNavigator = page.navigator
  const { connection } = navigator
  let battery: Battery | undefined
  let frozen = false
  let last = ''

  function look(): void {
    const conditions: Conditions = {
      page: frozen ? 'frozen' : document.hidden ? 'hidden' : 'visible',
      battery: battery ? { level: battery.level, charging: battery.charging } : null,
      saveData: connection?.saveData ?? null,
    }
    const now = JSON.stringify(conditions)
    if (now === last) return
    last = now
    tell(conditions)
  }
  const sleeps = (asleep: boolean) => () => {
    frozen = asleep
    look()
  }

  document.addEventListener('visibilitychange', look, until)
  document.addEventListener('freeze', sleeps(true), until)
  document.addEventListener('resume', sleeps(false), until)
  page.addEventListener('pagehide', sleeps(true), until)
  page.addEventListener('pageshow', sleeps(false), until)
  connection?.addEventListener?.('change', look, until)
  navigator.getBattery?.().then(
    (found) => {
      if (signal?.aborted) return
      battery = found
      for (const type of ['levelchange', 'chargingchange']) found.addEventListener(type, look, until)
      look()
    },
    () => {}, // refused, as by a permissions policy: then it is not known
  )
  look()
}

/** Says that the user is at work, as long as something trains, until `signal`. */
export function tellInput(
  page: Window,
  status: Pick<Store<Status | null>, 'get'>,
  busy: () => void,
  now: () => number = () => performance.now(),
  signal?: AbortSignal,
): void {
  let told = Number.NEGATIVE_INFINITY
  const hear = () => {
    const phase = status.get()?.run.phase
    if ((phase !== 'filtering' && phase !== 'training') || now() - told < BUSY_EVERY_MS) return
    told = now()
    busy()
  }
  const options = { capture: true, passive: true, ...(signal ? { signal } : {}) }
  for (const type of INPUT) page.addEventListener(type, hear, options)
}

/** Asks the browser, once there is a model of the user's own to lose, to keep what is stored. */
export function askToKeep(
  status: Store<Status | null>,
  device: Pick<DeviceApi, 'persisted'>,
  storage: Partial<Pick<StorageManager, 'persist'>> | undefined,
): void {
  const stop = status.watch((now) => {
    if (origin(now) !== 'own') return
    stop()
    if (now?.persistent !== null || !storage?.persist) return
    storage
      .persist()
      .then((granted) => device.persisted({ granted }))
      .catch(() => {}) // asked again at the next start
  })
}
