import { openChromium } from './chromium.ts'
import { find, type Kind } from './find.js'
import { openFirefox } from './firefox.ts'
import type { Tab } from './tab.ts'
import { openWebKit } from './webkit.ts'

const open = { chromium: openChromium, firefox: openFirefox, webkit: openWebKit }

/** Starts a browser with one tab. Throws where there is none: `find` says so beforehand. */
export function openTab(kind: Kind): Promise<Tab> {
  const found = find(kind)
  if (!found) throw new Error(`There is no ${kind} here.`)
  return open[kind](found)
}
