/** Putting the app on the home screen: by the browser's own dialog, where it lets a page offer that, or by hand. */
import { createStore, type Store } from './store.ts'

/** Chromium's event; not in TypeScript's DOM. */
interface InstallPrompt extends Event {
  prompt(): Promise<{ outcome: 'accepted' | 'dismissed' }>
}

/** Whose menu has it, where only the user can do it. */
export type ByHand = 'safari-ios' | 'other-ios' | 'firefox-android' | 'safari-mac'

/**
 * `offered`: for the page to show · `declined`: to be had, but the user has said no once, so it is not brought up again
 * · `none`: not to be had here, or not now.
 */
export type InstallState = 'none' | 'offered' | 'declined' | 'by-hand' | 'installed'

export interface Install {
  readonly state: Store<InstallState>
  /** In `by-hand`: how. */
  readonly byHand: ByHand | null
  /** Shows the browser's own dialog; only in `offered` and `declined`. */
  ask(): Promise<void>
}

interface Platform {
  userAgent: string
  maxTouchPoints: number
}

/** Browsers that install pages, but do not tell pages of it. An iPad calls itself a Mac. */
export function waysByHand({ userAgent, maxTouchPoints }: Platform): ByHand | null {
  const has = (word: RegExp) => word.test(userAgent)
  const mac = has(/Macintosh/)
  if (has(/iPhone|iPad|iPod/) || (mac && maxTouchPoints > 1))
    return has(/CriOS|FxiOS|EdgiOS|OPiOS/) ? 'other-ios' : has(/Safari/) ? 'safari-ios' : null
  if (has(/Android/)) return has(/Firefox/) ? 'firefox-android' : null
  // “Add to Dock” came with Safari 17.
  const [, safari] = /Version\/(\d+)[\d.]* Safari\//.exec(userAgent) ?? []
  return mac && Number(safari) >= 17 ? 'safari-mac' : null
}

const KEY = 'kindred:install-declined'

/** Listens from the start: the browser offers once, and early. */
export function createInstall(page: Window): Install {
  const standalone =
    page.matchMedia('(display-mode: standalone)').matches ||
    ('standalone' in page.navigator && page.navigator.standalone === true)
  const byHand = standalone ? null : waysByHand(page.navigator)
  const state = createStore<InstallState>(standalone ? 'installed' : byHand ? 'by-hand' : 'none')
  let offer: InstallPrompt | null = null

  page.addEventListener('beforeinstallprompt', (event) => {
    event.preventDefault()
    offer = event as InstallPrompt
    state.set(quietly(() => page.localStorage.getItem(KEY)) === null ? 'offered' : 'declined')
  })
  page.addEventListener('appinstalled', () => state.set('installed'))

  return {
    state,
    byHand,
    async ask() {
      const { outcome } = (await offer?.prompt()) ?? { outcome: 'dismissed' }
      offer = null // it can be used once
      if (outcome === 'dismissed') quietly(() => page.localStorage.setItem(KEY, '1'))
      if (state.get() !== 'installed') state.set(outcome === 'accepted' ? 'installed' : 'none')
    },
  }
}

/** Where storage is forbidden, nothing is remembered. */
function quietly<T>(act: () => T): T | null {
  try {
    return act()
  } catch {
    return null
  }
}
