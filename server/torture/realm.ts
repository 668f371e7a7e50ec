/**
 * What would bring real time or chance into a simulation — timers of fake-indexeddb, hashing on other threads, the
 * platform's random numbers — is replaced for as long as one runs, and given back afterwards.
 */
import { createHash, createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { IDBDatabase, IDBObjectStore, IDBOpenDBRequest, IDBTransaction } from 'fake-indexeddb'
import type { Owner, Schedule } from './schedule.ts'
import { hooksOf, type RawConnection, type RawTransaction, tabOf } from './storage.ts'

/** A method of fake-indexeddb, whose insides its types do not tell. */
// biome-ignore lint/suspicious/noExplicitAny: as above
type Method = (this: any, ...args: any[]) => any
type Methods = Record<string, Method>

export interface Realm {
  /** What was rejected and nobody looked at. */
  readonly unhandled: readonly unknown[]
  leave(): void
}

export function enterRealm(schedule: Schedule): Realm {
  const undo: (() => void)[] = []
  function replace<T extends object>(target: T, key: keyof T & string, make: (original: Method) => Method) {
    const own = Object.getOwnPropertyDescriptor(target, key)
    const original = target[key] as Method
    Object.defineProperty(target, key, { value: make(original), configurable: true, writable: true })
    undo.push(() =>
      own ? Object.defineProperty(target, key, own) : delete (target as Record<string, unknown>)[key],
    )
  }

  const { random } = schedule
  replace(globalThis, 'setImmediate', (original) => (work: () => void, ...args: unknown[]) => {
    const owner = schedule.current()
    const hooks = owner && hooksOf.get(owner)
    return hooks ? hooks.task(work) : original(work, ...args)
  })
  replace(performance, 'now', () => () => schedule.now())
  replace(Math, 'random', () => () => random.next())
  replace(crypto, 'getRandomValues', () => (array: Uint8Array) => {
    for (let i = 0; i < array.length; i++) array[i] = random.below(256)
    return array
  })
  replace(crypto.subtle, 'digest', () => async (_: string, bytes: Uint8Array) => {
    const digest = createHash('sha256').update(bytes).digest()
    return digest.buffer.slice(digest.byteOffset, digest.byteOffset + digest.byteLength)
  })

  replace(crypto.subtle, 'importKey', () => async (_: string, bytes: Uint8Array) => ({ bytes }))
  replace(
    crypto.subtle,
    'exportKey',
    () => async (_: string, key: Key) => createPublicKey(privateKey(key)).export({ format: 'jwk' }),
  )
  replace(
    crypto.subtle,
    'verify',
    () => async (_: unknown, key: Key, signature: Uint8Array, message: Uint8Array) =>
      verify(
        null,
        message,
        createPublicKey({ ...DER, type: 'spki', key: Buffer.from([...SPKI, ...key.bytes]) }),
        signature,
      ),
  )
  replace(
    crypto.subtle,
    'sign',
    () => async (_: unknown, key: Key, message: Uint8Array) =>
      new Uint8Array(sign(null, message, privateKey(key))).buffer,
  )

  replace(console, 'warn', () => () => {}) // Dexie says when it opens a database anew

  watchStorage(schedule, replace)

  const unhandled: unknown[] = []
  const note = (reason: unknown) => void unhandled.push(reason)
  const others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', note)
  undo.push(() => {
    process.off('unhandledRejection', note)
    for (const other of others) process.on('unhandledRejection', other)
  })

  return {
    unhandled,
    leave() {
      for (const back of undo.reverse()) back()
    },
  }
}

/** A key as `shared/trust/ed25519.ts` imports it. */
interface Key {
  readonly bytes: Uint8Array
}
const DER = { format: 'der' } as const
const privateKey = ({ bytes }: Key) => createPrivateKey({ ...DER, type: 'pkcs8', key: Buffer.from(bytes) })

/** What stands before a public key in SPKI (RFC 8410). */
const SPKI = Uint8Array.from([48, 42, 48, 5, 6, 3, 43, 101, 112, 3, 33, 0])

/** Lets the storages of a simulation hear of each request, each commit and each event. */
function watchStorage(
  schedule: Schedule,
  replace: (target: Methods, key: string, make: (original: Method) => Method) => void,
): void {
  const hooks = ({ db }: { db: RawConnection }) => {
    const tab = tabOf.get(db)
    return tab && hooksOf.get(tab)
  }
  const transaction = IDBTransaction.prototype as unknown as Methods
  const store = IDBObjectStore.prototype as unknown as Methods
  const target = Object.getPrototypeOf(IDBDatabase.prototype) as Methods

  replace(
    transaction,
    '_start',
    (original) =>
      function (this: RawTransaction) {
        const name = this._state === 'finished' ? undefined : hooks(this)?.strike(this)
        if (name === undefined) return original.call(this)
        schedule.trace(`a transaction fails: ${name}`)
        this._abort(name)
      },
  )

  const aborted = new WeakSet<RawTransaction>()
  replace(
    transaction,
    '_abort',
    (original) =>
      function (this: RawTransaction, name: string | null) {
        aborted.add(this)
        return original.call(this, name)
      },
  )
  replace(
    transaction,
    '_markFinished',
    (original) =>
      function (this: RawTransaction) {
        original.call(this)
        if (this.mode !== 'readonly' && !aborted.has(this)) hooks(this)?.committed(this)
      },
  )

  let writing = false
  for (const name of ['put', 'add'])
    replace(
      store,
      name,
      (original) =>
        function (this: object, ...args: unknown[]) {
          writing = true
          try {
            return original.apply(this, args)
          } finally {
            writing = false
          }
        },
    )
  replace(
    transaction,
    '_execRequestAsync',
    (original) =>
      function (this: RawTransaction, request: { operation: () => unknown }) {
        if (!writing) return original.call(this, request)
        const { operation } = request
        return original.call(this, {
          ...request,
          operation: () => {
            if (hooks(this)?.full())
              throw new DOMException('The quota has been exceeded.', 'QuotaExceededError')
            return operation()
          },
        })
      },
  )

  // An event is its tab's step. Those of a dead tab are heard by nobody but fake-indexeddb itself.
  replace(
    target,
    'dispatchEvent',
    (original) =>
      function (this: object, event: { type: string; eventPath?: object[] }) {
        const tab = ownerOf(this)
        if (!tab) return original.call(this, event)
        if (tab.state === 'dead') silence(this, event)
        const before = schedule.current()
        schedule.enter(tab)
        try {
          return original.call(this, event)
        } finally {
          if (tab.state === 'dead') schedule.enter(before)
        }
      },
  )
}

function ownerOf(target: object): Owner | undefined {
  if (target instanceof IDBOpenDBRequest) {
    const { readyState, result } = target as { readyState: string; result?: object }
    const tab = tabOf.get(target)
    // From now on whatever is done with the connection is the tab's, too.
    if (tab && readyState === 'done' && result) tabOf.set(result, tab)
    return tab
  }
  if (target instanceof IDBDatabase) return tabOf.get(target)
  if (target instanceof IDBTransaction) return tabOf.get((target as unknown as RawTransaction).db)
  const { transaction } = target as { transaction?: RawTransaction | null }
  return transaction ? tabOf.get(transaction.db) : undefined
}

const HANDLERS = [
  'onsuccess',
  'onerror',
  'onblocked',
  'onupgradeneeded',
  'oncomplete',
  'onabort',
  'onclose',
  'onversionchange',
]

function silence(target: object, { type, eventPath = [] }: { type: string; eventPath?: object[] }): void {
  for (const one of [target, ...eventPath] as Record<string, unknown>[])
    for (const handler of HANDLERS) if (one[handler]) one[handler] = null
  if (!(target instanceof IDBOpenDBRequest)) return
  if (type === 'success') (target as unknown as { result: RawConnection }).result.close()
  // Nobody is left to make the tables: the upgrade must not happen.
  if (type === 'upgradeneeded') throw new Error('The tab is gone.')
}
