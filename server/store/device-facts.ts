import { IF_EXISTS } from 'lmdb'
import { deviceInfoSchema } from '../../shared/release/device.ts'
import type { DeviceFacts } from './store.ts'
import type { Tables } from './tables.ts'

/** Rows of who is gone have gone with them: see users.ts. */
export function createDeviceFacts({ devices, facts }: Tables): DeviceFacts {
  return {
    async put(info) {
      const at = Buffer.from(info.id)
      const row = Buffer.from(JSON.stringify(info))
      if (facts.get(at)?.equals(row)) return true
      return devices.ifVersion(at, IF_EXISTS, () => void facts.put(at, row))
    },
    async of(device) {
      const row = facts.get(Buffer.from(device))
      return row && deviceInfoSchema.parse(JSON.parse(row.toString()))
    },
    async *all() {
      for (const { value } of facts.getRange()) yield deviceInfoSchema.parse(JSON.parse(value.toString()))
    },
    async count() {
      return facts.getCount()
    },
  }
}
