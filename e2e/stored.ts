/** A look into what a browser keeps of the app. */

export interface StoredModel {
  slot: string
  /** The hash in the row, and the hash of the bytes as they lie on the disk. */
  sha256: string
  actual: string
}

/** In a page of the app: the ranking models as they lie in IndexedDB, hashed anew. Needs nothing from around it. */
export async function readModels(): Promise<StoredModel[]> {
  const all = <T>(request: IDBRequest<T>) =>
    new Promise<T>((done, failed) => {
      request.onsuccess = () => done(request.result)
      request.onerror = () => failed(request.error)
    })
  const db = await all(indexedDB.open('kindred'))
  const store = db.transaction(['models', 'blobs'])
  const [rows, blobs] = await Promise.all([
    all(store.objectStore('models').getAll()),
    all(store.objectStore('blobs').getAll()),
  ])
  db.close()
  return Promise.all(
    rows.map(async ({ slot, sha256 }: { slot: string; sha256: string }) => {
      const { bytes } = blobs.find((blob: { slot: string }) => blob.slot === slot)
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
      return { slot, sha256, actual: [...digest].map((b) => b.toString(16).padStart(2, '0')).join('') }
    }),
  )
}
