/** Putting the app on the home screen, where the browser lets a page offer that. */
import { createStore, type Store } from './store.ts'

/** Chromium's event; not in TypeScript's DOM. */
interface InstallPrompt extends Event {
  prompt(): Promise<{ outcome: 'accepted' | 'dismissed' }>
}

export type InstallState = 'none' | 'offered' | 'by-hand' | 'installed'

export interface Install {
  /** `by-hand`: Safari on iOS, where only the user can do it. */
  readonly state: Store<InstallState>
  /** Shows the browser's own dialog; only in `offered`. */
  ask(): Promise<void>
}

interface Platform {
  userAgent: string
  maxTouchPoints: number
  standalone: boolean
}

/** Safari on iOS and iPadOS (which calls itself a Mac), and not a browser that only borrows its engine. */
export function installsByHand({ userAgent, maxTouchPoints, standalone }: Platform): boolean {
  const ios = /iPhone|iPad|iPod/.test(userAgent) || (/Macintosh/.test(userAgent) && maxTouchPoints > 1)
  return ios && /Safari/.test(userAgent) && !/CriOS|FxiOS|EdgiOS|OPiOS/.test(userAgent) && !standalone
}

/** Listens from the start: the browser offers once, and early. */
export function createInstall(page: Window): Install {
  const standalone =
    page.matchMedia('(display-mode: standalone)').matches ||
    ('standalone' in page.navigator && page.navigator.standalone === true)
  const { userAgent, maxTouchPoints } = page.navigator
  const byHand = installsByHand({ userAgent, maxTouchPoints, standalone })
  const state = createStore<InstallState>(standalone ? 'installed' : byHand ? 'by-hand' : 'none')
  let offer: InstallPrompt | null = null

  page.addEventListener('beforeinstallprompt', (event) => {
    event.preventDefault()
    offer = event as InstallPrompt
    state.set('offered')
  })
  page.addEventListener('appinstalled', () => state.set('installed'))

  return {
    state,
    async ask() {
      const { outcome } = (await offer?.prompt()) ?? { outcome: 'dismissed' }
      offer = null // it can be used once
      if (state.get() === 'offered') state.set(outcome === 'accepted' ? 'installed' : 'none')
    },
  }
}
