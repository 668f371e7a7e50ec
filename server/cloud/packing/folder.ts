/** The code of a data folder: learnt once, from the first rows that there are, and then the same for good. */
import type { Store } from '../../store/store.ts'
import { codeSchema, createPacking, learnCode, type Packing } from './packing.ts'

const PACKING = 'packing'

/** Undefined where nothing was packed yet. */
export async function loadPacking({ meta }: Pick<Store, 'meta'>): Promise<Packing | undefined> {
  const code = await meta.get(PACKING, codeSchema)
  return code && createPacking(code)
}

/** The folder's packing, learnt from these rows where there is none. */
export async function needPacking(store: Pick<Store, 'meta'>, rows: readonly Uint8Array[]): Promise<Packing> {
  const there = await loadPacking(store)
  if (there) return there
  const code = learnCode(rows)
  await store.meta.put(PACKING, code)
  return createPacking(code)
}
