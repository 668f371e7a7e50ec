/** What the app cannot do without, and whether this browser has it. */

export type Lack = 'workers' | 'storage' | 'secure'

interface Page {
  readonly Worker?: unknown
  readonly indexedDB?: unknown
  readonly isSecureContext: boolean
}

/** What is missing here; engines are not among it, for one of them needs nothing. */
export function lacking(page: Page): Lack[] {
  const lacks: Lack[] = []
  if (page.Worker === undefined) lacks.push('workers')
  if (!stores(page)) lacks.push('storage')
  // Without it there are neither hashes, nor locks, nor a service worker.
  if (!page.isSecureContext) lacks.push('secure')
  return lacks
}

function stores(page: Page): boolean {
  try {
    return Boolean(page.indexedDB)
  } catch {
    return false // where a browser forbids storage, asking for it throws
  }
}
