/** What a device shows to be known: its name and a secret, of which the server keeps the hash only. */
import { hash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type { Registration } from '../../shared/api.ts'
import type { Users } from '../store/ports/users.ts'

/** Devices whose hash is kept in memory; about 20 MB. */
const REMEMBERED = 100_000

export interface Credentials {
  /** A new device at the time `at` (ms): of a new user, or of the one user of `subject`. */
  register(at: number, subject?: string): Promise<Registration>
  /** The user who holds `credential`, or undefined. */
  authenticate(credential: string): Promise<number | undefined>
  /**
   * A new secret for the device that shows `credential`; undefined if that is not known. Until the new one is shown, the
   * old one is accepted, too: an answer that was lost locks nobody out.
   */
  renew(credential: string): Promise<Registration | undefined>
  /** The device is not known any more; false if it was not. Its user stays. */
  revoke(device: string): Promise<boolean>
  /** Runs `erasing`, after which none of the user's devices is known. */
  forget<T>(user: number, erasing: () => Promise<T>): Promise<T>
}

const hashOf = (secret: string): Buffer => hash('sha256', secret, 'buffer')
/** Compared with where there is no such device, so that it takes as long to say so. */
const NOBODY = hashOf('')

export function createCredentials(users: Users): Credentials {
  const known = new Map<string, { user: number; credential: Buffer }>()
  /** How often something became unknown: what was read before that is not remembered after. */
  let forgotten = 0
  let last: Promise<unknown> = Promise.resolve()

  /** One change of credentials after the other: each acts on what the one before has left. */
  function inTurn<T>(change: () => Promise<T>): Promise<T> {
    const result = last.then(change)
    last = result.catch(() => {})
    return result
  }

  function remember(device: string, user: number, credential: Buffer): void {
    known.set(device, { user, credential: Buffer.from(credential) })
    if (known.size > REMEMBERED) known.delete(known.keys().next().value!)
  }

  function forgetDevices(devices: readonly string[]): void {
    forgotten++
    for (const device of devices) known.delete(device)
  }

  async function lookUp(device: string, shown: Buffer): Promise<number | undefined> {
    const before = forgotten
    const found = await users.byDevice(device)
    if (timingSafeEqual(shown, found?.credential ?? NOBODY) && found) {
      if (forgotten === before) remember(device, found.user, found.credential)
      return found.user
    }
    return found?.next && timingSafeEqual(shown, found.next) ? promote(device, shown) : undefined
  }

  /** The newer credential is shown for the first time: from now on it is the only one. */
  const promote = (device: string, shown: Buffer): Promise<number | undefined> =>
    inTurn(async () => {
      const found = await users.byDevice(device)
      if (!found) return undefined
      if (timingSafeEqual(shown, found.credential)) return found.user
      if (!found.next || !timingSafeEqual(shown, found.next)) return undefined
      forgetDevices([device])
      return (await users.setCredential(device, found.next)) ? found.user : undefined
    })

  async function authenticate(credential: string): Promise<number | undefined> {
    const [device, secret] = split(credential)
    if (secret === '') return undefined
    const shown = hashOf(secret)
    const cached = known.get(device)
    return cached && timingSafeEqual(shown, cached.credential) ? cached.user : lookUp(device, shown)
  }

  return {
    async register(at, subject) {
      const device = randomUUID()
      const secret = newSecret()
      await users.register(device, hashOf(secret), at, subject)
      return { device, credential: `${device}.${secret}` }
    },
    authenticate,
    async renew(credential) {
      if ((await authenticate(credential)) === undefined) return undefined
      const [device, shown] = split(credential)
      return inTurn(async () => {
        const found = await users.byDevice(device)
        // Another renewal may have been completed meanwhile.
        if (!found || !timingSafeEqual(hashOf(shown), found.credential)) return undefined
        const secret = newSecret()
        const renewed = await users.setCredential(device, found.credential, hashOf(secret))
        return renewed ? { device, credential: `${device}.${secret}` } : undefined
      })
    },
    revoke: (device) =>
      inTurn(async () => {
        forgetDevices([device])
        const removed = await users.removeDevice(device)
        forgetDevices([device])
        return removed
      }),
    async forget(user, erasing) {
      const devices = await users.devicesOf(user)
      forgetDevices(devices)
      try {
        return await erasing()
      } finally {
        forgetDevices([...devices, ...(await users.devicesOf(user))])
      }
    },
  }
}

const newSecret = (): string => randomBytes(32).toString('base64url')

/** Device and secret; both are empty where they could not be ours. */
function split(credential: string): [device: string, secret: string] {
  const dot = credential.indexOf('.')
  return dot < 1 || dot > 80 || credential.length > 200
    ? ['', '']
    : [credential.slice(0, dot), credential.slice(dot + 1)]
}
