import { removeRange } from './imports.ts'
import { key, packIds, unpackIds } from './keys.ts'
import type { Mappings } from './store.ts'
import type { Tables } from './tables.ts'

export function createMappings(tables: Tables): Mappings {
  const { root, mappings, users, samples } = tables
  const of = (user: number, day: number) => ({ start: key(day, user), end: key(day, user + 1) })
  return {
    put: async (day, entries) =>
      root.transactionSync(() => {
        let given = 0
        for (const { user, batches } of entries) {
          if (!users.doesExist(key(user)) || mappings.doesExist(key(day, user, 0))) continue
          batches.forEach((ids, n) => {
            const there = ids.filter((id) => samples.doesExist(key(id)))
            mappings.putSync(key(day, user, n), packIds(there))
          })
          given++
        }
        return given
      }),
    count: async (user, day) => mappings.getKeysCount(of(user, day)),
    async batch(user, day, n) {
      const row = mappings.get(key(day, user, n))
      return row && unpackIds(row)
    },
    async mapped(user, from, to) {
      const found = new Set<number>()
      for (let day = from; day <= to; day++)
        for (const { value } of mappings.getRange(of(user, day)))
          for (const id of unpackIds(value)) found.add(id)
      return found
    },
    async dropBefore(day) {
      const chunk = () => removeRange(mappings, key(0), key(day), 20_000)
      while (root.transactionSync(chunk) > 0);
    },
  }
}

/** The days that have mappings. */
function days({ mappings }: Tables): number[] {
  const found: number[] = []
  for (;;) {
    const [next] = mappings.getKeys({ start: key((found.at(-1) ?? -1) + 1), limit: 1 })
    if (!next) return found
    found.push(next.readUInt32BE())
  }
}

/** Removes a user's own batches; counts the samples in them. Only inside a transaction. */
export function removeMappings(tables: Tables, user: number): number {
  const { mappings } = tables
  let removed = 0
  for (const day of days(tables)) {
    const own = [...mappings.getRange({ start: key(day, user), end: key(day, user + 1) })]
    for (const { key: at, value } of own) {
      removed += unpackIds(value).length
      mappings.removeSync(at)
    }
  }
  return removed
}

/** Takes samples out of everybody's batches, which may leave some empty; counts them. */
export function scrub({ root, mappings }: Tables, gone: ReadonlySet<number>): number {
  if (gone.size === 0) return 0
  const touched: Buffer[] = []
  for (const { key: at, value } of mappings.getRange())
    if (unpackIds(value).some((id) => gone.has(id))) touched.push(at)
  return root.transactionSync(() => {
    let removed = 0
    for (const at of touched) {
      const ids = unpackIds(mappings.get(at) ?? Buffer.alloc(0))
      const left = ids.filter((id) => !gone.has(id))
      removed += ids.length - left.length
      if (left.length < ids.length) mappings.putSync(at, packIds(left))
    }
    return removed
  })
}
