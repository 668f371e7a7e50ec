import * as z from 'zod'
import { parse } from '../../shared/failure.ts'
import { key } from './keys.ts'
import type { Users } from './store.ts'
import type { Tables } from './tables.ts'

const rowSchema = z.strictObject({
  /** The row of `names` that leads here. */
  name: z.string(),
  /** SHA-256 in hex; imported users have none. */
  credential: z.string().nullable(),
})
export type UserRow = z.infer<typeof rowSchema>

export const encodeUser = (row: UserRow): Buffer => Buffer.from(JSON.stringify(row))
export const decodeUser = (row: Buffer): UserRow =>
  parse(rowSchema, JSON.parse(row.toString()), 'A row of the user table')

const deviceName = (device: string): string => `device:${device}`

export function createUsers(tables: Tables): Users {
  const { root, users, names } = tables
  return {
    async register(device, credential) {
      const user = tables.nextUser()
      const row = encodeUser({ name: deviceName(device), credential: credential.toString('hex') })
      await root.batch(() => {
        tables.putNextUser()
        names.put(deviceName(device), user)
        users.put(key(user), row)
      })
      return user
    },
    async byDevice(device) {
      const user = names.get(deviceName(device))
      const row = user === undefined ? undefined : users.get(key(user))
      if (user === undefined || !row) return undefined
      const { credential } = decodeUser(row)
      return credential === null ? undefined : { user, credential: Buffer.from(credential, 'hex') }
    },
    has: async (user) => users.doesExist(key(user)),
    async devices() {
      const found: number[] = []
      for (const { key: at, value } of users.getRange())
        if (decodeUser(value).credential !== null) found.push(at.readUInt32BE())
      return Uint32Array.from(found)
    },
    count: async () => tables.entries(users),
  }
}
