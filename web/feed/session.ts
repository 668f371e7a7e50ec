/** The present feed, remembered for as long as the tab lives: a reload shows the same cards. */
import * as z from 'zod'

const rememberedSchema = z.strictObject({
  /** Which catalogue it was drawn from. */
  catalogue: z.string(),
  items: z.array(z.string()).min(1),
  /** Whose exposure, and whose click, is already tracked. */
  seen: z.array(z.string()),
  opened: z.array(z.string()),
})
export type Remembered = z.infer<typeof rememberedSchema>

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
    load: () => quietly(() => rememberedSchema.parse(JSON.parse(storage.getItem(KEY) ?? 'null'))),
    save: (feed) => void quietly(() => storage.setItem(KEY, JSON.stringify(feed))),
    clear: () => void quietly(() => storage.removeItem(KEY)),
  }
}
