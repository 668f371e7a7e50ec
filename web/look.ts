/** Light or dark: the system's, or what the user chose. */

export const looks = ['system', 'light', 'dark'] as const
export type Look = (typeof looks)[number]
const KEY = 'kindred:look'

export function chosenLook(): Look {
  try {
    return looks.find((look) => look === localStorage.getItem(KEY)) ?? 'system'
  } catch {
    return 'system' // where storage is forbidden, nothing was chosen
  }
}

/** Looks so from now on, and at the next visit. */
export function choose(look: Look): void {
  try {
    if (look === 'system') localStorage.removeItem(KEY)
    else localStorage.setItem(KEY, look)
  } catch {
    // It holds for this visit then.
  }
  apply(look)
}

/** The page, and the bar that the browser draws around it, in the look that was chosen. */
export function apply(look: Look): void {
  if (look === 'system') delete document.documentElement.dataset.look
  else document.documentElement.dataset.look = look
  const bars = [...document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')]
  const named = (word: string) => bars.find((bar) => bar.dataset.of === word)?.dataset.colour ?? ''
  for (const bar of bars) bar.content = named(look === 'system' ? bar.dataset.of! : look)
}
