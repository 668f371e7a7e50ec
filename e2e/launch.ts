/** How Chromium is launched. */
import { CHROMIUM_ARGS } from './browsers/chromium.ts'
import { find } from './browsers/find.js'
import { profile } from './profiles.ts'

/** How Chromium is launched; with more flags where a project needs them. */
export function launch(...more: string[]) {
  const executablePath = find('chromium')?.executablePath
  return { args: [...CHROMIUM_ARGS, ...more], ...(executablePath ? { executablePath } : {}) }
}

/** A phone with a GPU, be it one in software: Chromium hides such a one unless told. */
export const withGpu = () => ({ ...profile('pixel'), launchOptions: launch('--enable-unsafe-webgpu') })
