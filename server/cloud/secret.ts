import { randomBytes } from 'node:crypto'
import * as z from 'zod'
import type { Store } from '../store/store.ts'

/** This folder's key, made when it is first asked for: for the ids of samples outside, and for what is drawn by lot. [32] */
export async function secretOf({ meta }: Pick<Store, 'meta'>): Promise<Buffer> {
  const stored = await meta.get('secret', z.string().length(64))
  if (stored !== undefined) return Buffer.from(stored, 'hex')
  const secret = randomBytes(32)
  await meta.put('secret', secret.toString('hex'))
  return secret
}
