/**
 * In every page of a profile that is killed, before the app's own code: hears what the device says, calls it as the page
 * does, and reads what is stored. Plain JavaScript, for it is sent to the browser as it stands.
 */
;(() => {
  /** The page's own calls count from 1. */
  let lastId = 1_000_000
  /** @type {Map<number, { resolve(output: unknown): void, reject(why: unknown): void }>} */
  const waiting = new Map()
  /** @type {Worker | undefined} */
  let device

  globalThis.Worker = class extends Worker {
    constructor(/** @type {string | URL} */ url, /** @type {WorkerOptions | undefined} */ options) {
      super(url, options)
      device = this
      this.addEventListener('message', ({ data }) => {
        if (data.news) {
          const { run, rounds } = data.news
          const outcomes = rounds.map((/** @type {any} */ { outcome }) => outcome)
          void globalThis.onDeviceNews?.({ ...run, outcomes })
        }
        const call = waiting.get(data.id)
        if (!call) return
        waiting.delete(data.id)
        if (data.type === 'done') call.resolve(data.output)
        else call.reject(new Error(data.failure.message))
      })
    }
  }

  /** A call of the protocol between page and device. */
  globalThis.callDevice = (name, input) =>
    new Promise((resolve, reject) => {
      if (!device) throw new Error('There is no device yet.')
      const id = ++lastId
      waiting.set(id, { resolve, reject })
      device.postMessage({ type: 'call', id, name, input })
    })

  /** When the first ranked card was there, ms since the navigation began. */
  globalThis.ranked = new Promise((resolve) => {
    const look = () => {
      if (!document.querySelector('[data-testid="feed"] article')) return
      observer.disconnect()
      resolve(performance.now())
    }
    const observer = new MutationObserver(look)
    observer.observe(document, { childList: true, subtree: true })
  })

  const answer = (/** @type {IDBRequest} */ request) =>
    new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result)
      request.onerror = () => reject(request.error)
    })
  const hex = (/** @type {ArrayBuffer} */ buffer) =>
    [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('')

  /** What lies on the disk, or null where the device has not stored anything yet. */
  globalThis.readStored = async () => {
    // Opening a database that is not there would make one.
    const databases = await indexedDB.databases()
    if (!databases.some(({ name }) => name === 'kindred')) return null
    const db = await answer(indexedDB.open('kindred'))
    try {
      const tables = ['models', 'blobs', 'outbox', 'state', 'journal']
      const transaction = db.transaction(tables)
      const [models, blobs, outbox, state, journal] = await Promise.all(
        tables.map((name) => answer(transaction.objectStore(name).getAll())),
      )
      const hashed = models.map(async (/** @type {any} */ { name, slot, sha256 }) => {
        const blob = blobs.find((/** @type {any} */ row) => row.name === name && row.slot === slot)
        const actual = blob ? hex(await crypto.subtle.digest('SHA-256', blob.bytes)) : null
        return { slot, sha256, actual }
      })
      return {
        models: await Promise.all(hashed),
        marks: outbox.flatMap((/** @type {any} */ event) => (event.type === 'behaviour' ? [event.name] : [])),
        device: state.find((/** @type {any} */ row) => row.key === 'identity')?.value.device ?? null,
        outcomes: journal.map((/** @type {any} */ { outcome }) => outcome),
      }
    } finally {
      db.close()
    }
  }
})()
