import { IF_EXISTS } from 'lmdb'
import { isBeingImported, keepUser } from './imports.ts'
import { key } from './keys.ts'
import { nameRow, userOfName } from './names.ts'
import type { Users } from './ports/users.ts'
import type { Tables } from './tables.ts'

export interface UserRow {
  /** When they came, ms; 0 for imported users. */
  readonly since: number
  /** The row of `names` that leads here; null where only a device does. */
  readonly name: string | null
}

/** since (6 bytes) · name */
export function encodeUser({ since, name }: UserRow): Buffer {
  const head = Buffer.allocUnsafe(6)
  head.writeUIntBE(since, 0, 6)
  return Buffer.concat([head, Buffer.from(name ?? '')])
}

export const decodeUser = (row: Buffer): UserRow => ({
  since: row.readUIntBE(0, 6),
  name: row.toString('utf8', 6) || null,
})

const HASH = 32

interface DeviceRow {
  readonly user: number
  readonly credential: Buffer
  readonly next?: Buffer
}

/** user (u32) · credential · next */
const encodeDevice = ({ user, credential, next }: DeviceRow): Buffer =>
  Buffer.concat([key(user), credential, next ?? Buffer.alloc(0)])

function decodeDevice(row: Buffer): DeviceRow {
  const [credential, next] = [row.subarray(4, 4 + HASH), row.subarray(4 + HASH)]
  return { user: row.readUInt32BE(), credential, ...(next.length > 0 && { next }) }
}

const deviceKey = (device: string): Buffer => Buffer.from(device)
const ownKey = (user: number, device: string): Buffer => Buffer.concat([key(user), Buffer.from(device)])

export function createUsers(tables: Tables): Users {
  const { root, users, names, devices, userDevices, facts } = tables
  /** Subjects who get a device at this moment: one after the other, else two would both make the subject's user. */
  const coming = new Map<string, Promise<unknown>>()

  function find(device: string): DeviceRow | undefined {
    const row = devices.get(deviceKey(device))
    return row && decodeDevice(row)
  }

  function putDevice(device: string, row: DeviceRow): void {
    devices.put(deviceKey(device), encodeDevice(row))
    userDevices.put(ownKey(row.user, device), Buffer.alloc(0))
  }

  /** A new user; undefined, and none is made, where the name has got one meanwhile. */
  async function newUser(device: string, credential: Buffer, row: UserRow): Promise<number | undefined> {
    const user = tables.nextUser()
    const put = () => {
      tables.putNextUser()
      users.put(key(user), encodeUser(row))
      if (row.name !== null) names.put(row.name, user)
      putDevice(device, { user, credential })
    }
    if (row.name !== null) return (await names.ifNoExists(row.name, put)) ? user : undefined
    await root.batch(put)
    return user
  }

  /** A device of a user whom an import under way has made; false where it has not. */
  const deviceInImport = (user: number, device: string, credential: Buffer): boolean =>
    root.transactionSync(() => {
      if (!isBeingImported(tables, user)) return false
      keepUser(tables, user)
      devices.putSync(deviceKey(device), encodeDevice({ user, credential }))
      userDevices.putSync(ownKey(user, device), Buffer.alloc(0))
      return true
    })

  /** One more device for the user of `name`; for a new one where there is none, or where they are erased this moment. */
  async function deviceOf(name: string, device: string, credential: Buffer, since: number): Promise<number> {
    const user = userOfName(tables, name)
    const added =
      user !== undefined &&
      ((isBeingImported(tables, user) && deviceInImport(user, device, credential)) ||
        (await users.ifVersion(key(user), IF_EXISTS, () => putDevice(device, { user, credential }))))
    if (added) return user
    const made = await newUser(device, credential, { since, name: nameRow(name) })
    return made ?? deviceOf(name, device, credential, since)
  }

  return {
    async register(device, credential, at, subject) {
      if (subject === undefined) return (await newUser(device, credential, { since: at, name: null }))!
      const before = coming.get(subject) ?? Promise.resolve()
      const registered = before.then(() => deviceOf(subject, device, credential, at))
      const settled = registered
        .catch(() => {})
        .finally(() => {
          if (coming.get(subject) === settled) coming.delete(subject)
        })
      coming.set(subject, settled)
      return registered
    },
    byDevice: async (device) => find(device),
    async setCredential(device, credential, next) {
      const found = find(device)
      if (!found) return false
      const row = encodeDevice({ user: found.user, credential, ...(next && { next }) })
      return devices.ifVersion(deviceKey(device), IF_EXISTS, () => void devices.put(deviceKey(device), row))
    },
    async removeDevice(device) {
      const found = find(device)
      if (!found) return false
      return devices.ifVersion(deviceKey(device), IF_EXISTS, () => {
        devices.remove(deviceKey(device))
        facts.remove(deviceKey(device))
        userDevices.remove(ownKey(found.user, device))
      })
    },
    devicesOf: async (user) => devicesOf(tables, user),
    has: async (user) => users.doesExist(key(user)),
    since: async (user) => sinceOf(tables, user),
    async devices() {
      const found = new Set<number>()
      for (const at of userDevices.getKeys()) found.add(at.readUInt32BE())
      return Uint32Array.from(found)
    },
    count: async () => tables.entries(users),
  }
}

function devicesOf({ userDevices }: Tables, user: number): string[] {
  const keys = userDevices.getKeys({ start: key(user), end: key(user + 1) })
  return [...keys].map((at) => at.toString('utf8', 4))
}

/** Only inside a transaction. */
export function removeDevices(tables: Tables, user: number): void {
  for (const device of devicesOf(tables, user)) {
    tables.devices.removeSync(deviceKey(device))
    tables.facts.removeSync(deviceKey(device))
    tables.userDevices.removeSync(ownKey(user, device))
  }
}

export const sinceOf = ({ users }: Tables, user: number): number | undefined =>
  users.get(key(user))?.readUIntBE(0, 6)
