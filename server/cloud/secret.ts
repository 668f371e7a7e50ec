import { createHash, randomBytes } from 'node:crypto'
import * as z from 'zod'
import type { Store } from '../store/store.ts'

/** What is drawn by lot hangs on this. What is drawn may tell of it, and it tells nothing of the key. */
export const seedOf = (secret: Buffer): number =>
  createHash('sha256').update('lot').update(secret).digest().readUInt32BE()

/** This folder's key, made when it is first asked for. [32] */
export async function secretOf({ meta }: Pick<Store, 'meta'>): Promise<Buffer> {
  const stored = await meta.get('secret', z.string().length(64))
  if (stored !== undefined) return Buffer.from(stored, 'hex')
  const secret = randomBytes(32)
  await meta.put('secret', secret.toString('hex'))
  return secret
}
