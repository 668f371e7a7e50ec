/** The present feed, remembered for as long as the tab lives: a reload shows the same cards. */

export interface Remembered {
  /** Which catalogue it was drawn from. */
  readonly catalogue: string
  /** At least one. */
  readonly items: string[]
  /** Whose exposure, and whose click, is already tracked. */
  readonly seen: string[]
  readonly opened: string[]
}

const KEY = 'kindred.feed'

export interface Session {
  load(): Remembered | null
  save(feed: Remembered): void
  clear(): void
}

/** Where the browser refuses storage, or holds something else, the feed simply begins anew. */
export function createSession(storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>): Session {
  const quietly = <T>(act: () => T): T | null => {
    try {
      return act()
    } catch {
      return null
    }
  }
  return {
    load: () => quietly(() => remembered(JSON.parse(storage.getItem(KEY) ?? 'null'))),
    save: (feed) => void quietly(() => storage.setItem(KEY, JSON.stringify(feed))),
    clear: () => void quietly(() => storage.removeItem(KEY)),
  }
}

const isKeys = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((key) => typeof key === 'string')

/** By hand: all else on the page does without a library of schemas. */
function remembered(value: unknown): Remembered | null {
  if (typeof value !== 'object' || value === null) return null
  const { catalogue, items, seen, opened } = value as Partial<Record<keyof Remembered, unknown>>
  if (typeof catalogue !== 'string' || !isKeys(items) || !isKeys(seen) || !isKeys(opened)) return null
  return items.length > 0 ? { catalogue, items, seen, opened } : null
}
