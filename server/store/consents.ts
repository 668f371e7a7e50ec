import { IF_EXISTS } from 'lmdb'
import type { Consent } from '../../shared/api.ts'
import { AppError } from '../../shared/failure.ts'
import { stamp } from './events.ts'
import { key } from './keys.ts'
import type { Consents } from './ports/users.ts'
import type { Tables } from './tables.ts'

/** sharing (1 byte) · at (6) · version (4) */
const ROW = 11

export function createConsents({ users, consents, dirty }: Tables): Consents {
  return {
    async of(user) {
      const row = consents.get(key(user))
      return row && { sharing: row[0] === 1, at: row.readUIntBE(1, 6), version: row.readUInt32BE(7) }
    },
    async put(user, consent) {
      const at = key(user)
      const exists = await users.ifVersion(at, IF_EXISTS, () => {
        consents.put(at, encode(consent))
        if (consent.sharing) dirty.put(at, stamp())
      })
      if (!exists) throw new AppError('unauthorised', 'There is no such user (any more).')
    },
    async refusing() {
      const found: number[] = []
      for (const { key: at, value } of consents.getRange()) if (value[0] === 0) found.push(at.readUInt32BE())
      return Uint32Array.from(found)
    },
  }
}

/** Whether a user has said that samples of theirs are not to be shared. */
export const refuses = ({ consents }: Tables, user: number): boolean => consents.get(key(user))?.[0] === 0

function encode({ sharing, at, version }: Consent): Buffer {
  const row = Buffer.allocUnsafe(ROW)
  row[0] = sharing ? 1 : 0
  row.writeUIntBE(at, 1, 6)
  row.writeUInt32BE(version, 7)
  return row
}
