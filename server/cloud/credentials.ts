/** What a device shows to be known: its name and a secret, of which the server keeps the hash only. */
import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type { Registration } from '../../shared/api.ts'
import type { Users } from '../store/store.ts'

const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest()
/** Compared with where there is no such device, so that it takes as long to say so. */
const NOBODY = hashOf('')

export async function registerDevice(users: Users): Promise<Registration> {
  const device = randomUUID()
  const secret = randomBytes(32).toString('base64url')
  await users.register(device, hashOf(secret))
  return { device, credential: `${device}.${secret}` }
}

/** The user who holds `credential`, or undefined. */
export async function authenticate(users: Users, credential: string): Promise<number | undefined> {
  const [device = '', secret = ''] = credential.split('.', 2)
  if (device.length > 80) return undefined
  const found = await users.byDevice(device)
  const same = timingSafeEqual(hashOf(secret), found?.credential ?? NOBODY)
  return same && secret !== '' ? found?.user : undefined
}
