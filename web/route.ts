/** Which view the address names. */

export type Route =
  | { view: 'feed' }
  | { view: 'item'; key: string }
  | { view: 'my-model' }
  | { view: 'settings' }

/** `#/item/a%20b` → the item `a b`. What names no view is the feed. */
export function routeOf(hash: string): Route {
  const [, view, rest] = /^#\/([a-z-]+)(?:\/(.+))?$/.exec(hash) ?? []
  if (view === 'item' && rest) {
    const key = decoded(rest)
    if (key !== null) return { view, key }
  }
  if ((view === 'my-model' || view === 'settings') && !rest) return { view }
  return { view: 'feed' }
}

/** The address of an item's own view. */
export const itemHref = (key: string): string => `#/item/${encodeURIComponent(key)}`

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null // a stray %
  }
}
