import { IF_EXISTS } from 'lmdb'
import * as z from 'zod'
import { deviceInfoSchema } from '../../shared/release/device.ts'
import type { DeviceFacts } from './ports/tasks.ts'
import type { Tables } from './tables.ts'

/** What a device said, and with it the versions of tasks that it was given for that. */
const rowSchema = deviceInfoSchema.extend({ given: z.record(z.string(), z.int()).optional() })

/** Rows of who is gone have gone with them: see users.ts. */
export function createDeviceFacts({ devices, facts }: Tables): DeviceFacts {
  const read = (row: Buffer) => {
    const { given, ...info } = rowSchema.parse(JSON.parse(row.toString()))
    return { info, given }
  }
  return {
    async put(info, given) {
      const at = Buffer.from(info.id)
      const row = Buffer.from(JSON.stringify({ ...info, ...(given && { given }) }))
      if (facts.get(at)?.equals(row)) return true
      return devices.ifVersion(at, IF_EXISTS, () => void facts.put(at, row))
    },
    async of(device) {
      const row = facts.get(Buffer.from(device))
      return row && read(row).info
    },
    async *all() {
      for (const { value } of facts.getRange()) yield read(value).info
    },
    async *given() {
      for (const { value } of facts.getRange()) yield read(value)
    },
    async count() {
      return facts.getCount()
    },
  }
}
