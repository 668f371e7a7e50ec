/**
 * A mark on the app's icon when the user's own model got better while nobody looked. Off, unless the user has switched it on.
 */
import type { Round, Status } from '../shared/protocol.ts'
import type { Store } from './store.ts'

/** What is needed of a browser, where it has it. */
export interface BadgePage {
  readonly document: Pick<Document, 'hidden' | 'addEventListener'>
  readonly navigator: {
    setAppBadge?(): Promise<void>
    clearAppBadge?(): Promise<void>
    /** Only iOS has it; there a mark needs the permission to notify. */
    readonly standalone?: boolean
  }
  readonly localStorage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>
  readonly Notification?: { requestPermission(): Promise<string> }
}

const KEY = 'kindred:badge'

/** Whether this browser can mark the app's icon. Where the app is not installed, nothing shows. */
export const canBadge = ({ navigator }: BadgePage): boolean => typeof navigator.setAppBadge === 'function'

export function badgeChosen({ localStorage }: BadgePage): boolean {
  try {
    return localStorage.getItem(KEY) !== null
  } catch {
    return false // where storage is forbidden, nothing was chosen
  }
}

/** Remembers what the user chose; tells what holds now, which the browser may refuse. */
export async function chooseBadge(page: BadgePage, on: boolean): Promise<boolean> {
  const may = on && (await permitted(page))
  try {
    if (may) page.localStorage.setItem(KEY, '1')
    else page.localStorage.removeItem(KEY)
  } catch {
    return false
  }
  if (!may) await page.navigator.clearAppBadge?.().catch(() => {})
  return may
}

async function permitted({ navigator, Notification }: BadgePage): Promise<boolean> {
  if (navigator.standalone === undefined) return true
  return (await Notification?.requestPermission()) === 'granted'
}

/** Marks the icon after a round that was worth it, and takes the mark away when the app is looked at. */
export function watchBadge(page: BadgePage, status: Store<Pick<Status, 'rounds'> | null>): void {
  if (!canBadge(page)) return
  const { document, navigator } = page
  const clear = () => document.hidden || navigator.clearAppBadge?.().catch(() => {})
  let last: number | undefined
  status.watch((now) => {
    if (!now) return
    const [newest] = now.rounds
    const before = last
    last = newest?.at ?? 0
    const fresh = newest && before !== undefined && newest.at > before
    if (fresh && document.hidden && isBetter(newest) && badgeChosen(page))
      navigator.setAppBadge?.().catch(() => {})
  })
  document.addEventListener('visibilitychange', clear)
  clear()
}

/** By what decided: the log-loss, where it did, else the AUC. */
function isBetter({ outcome, before, after, loss }: Round): boolean {
  if (outcome !== 'committed') return false
  return loss ? loss.after < loss.before : before !== null && after !== null && after > before
}
