import { key } from './keys.ts'
import type { Ledger } from './ports/tasks.ts'
import type { Tables } from './tables.ts'

export function createLedger({ ledger }: Tables): Ledger {
  function count(): number {
    for (const at of ledger.getKeys({ reverse: true, limit: 1 })) return at.readUInt32BE()
    return 0
  }
  return {
    count: async () => count(),
    async append(n, value) {
      if (n !== count() + 1) return false
      const row = Buffer.from(JSON.stringify(value))
      return ledger.ifNoExists(key(n), () => void ledger.put(key(n), row))
    },
    async read(from, limit) {
      const rows = ledger.getRange({ start: key(from), ...(limit !== undefined && { limit }) })
      return Array.from(rows, ({ value }): unknown => JSON.parse(value.toString()))
    },
  }
}
