/**
 * What the device's tests take from 'fake-indexeddb', in a page: the browser's own IndexedDB. Each factory stands for an
 * empty storage, as there; so its databases get names of their own.
 */
const made = new Set<string>()
let factories = 0

export class IDBFactory {
  private readonly prefix = `test-${++factories}-`

  open(name: string, version?: number): IDBOpenDBRequest {
    made.add(this.prefix + name)
    return indexedDB.open(this.prefix + name, version)
  }
  deleteDatabase(name: string): IDBOpenDBRequest {
    return indexedDB.deleteDatabase(this.prefix + name)
  }
}

const own = globalThis.IDBKeyRange

export { own as IDBKeyRange }

/** Deletes the databases that were made since the last time; one that is still open goes when it is closed. */
export async function deleteDatabases(): Promise<void> {
  const names = [...made]
  made.clear()
  await Promise.all(
    names.map(
      (name) =>
        new Promise<void>((done, failed) => {
          const request = indexedDB.deleteDatabase(name)
          request.onsuccess = request.onblocked = () => done()
          request.onerror = () => failed(request.error)
        }),
    ),
  )
}
