/** The devices that the app is tried on. An iPhone here is its screen, touch and name: the engine is Chromium's. */
import { devices } from 'playwright/test'

/** By our name: Playwright's. Viewports (CSS pixels) from 320 × 568 to 1280 × 800. */
const DEVICES = {
  'small-android': 'Galaxy S9+',
  pixel: 'Pixel 7',
  'iphone-se': 'iPhone SE',
  iphone: 'iPhone 15 Pro',
  ipad: 'iPad (gen 11)',
  foldable: 'Galaxy Z Fold 7',
  landscape: 'Pixel 7 landscape',
} as const

export type ProfileName = keyof typeof DEVICES | 'desktop'

/** A profile without its browser, for a project’s or a context’s options. */
export function profile(name: ProfileName) {
  if (name === 'desktop') return { viewport: { width: 1280, height: 800 } }
  const { defaultBrowserType: _, ...device } = devices[DEVICES[name]]!
  return device
}

export const profileNames = [...(Object.keys(DEVICES) as (keyof typeof DEVICES)[]), 'desktop'] as const
