/** Who has stolen the server's online key: signs whatever snapshots they like. */
import { createHash, createPrivateKey, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What a server says is active, as texts. */
export interface Active {
  readonly snapshot: string
  readonly list: string
  readonly roots?: readonly string[]
  readonly artifacts?: readonly string[]
}
interface Listed {
  kind: 'device'
  device: string
  tasks: { task: string; version: number; manifest: string }[]
  arms: []
}
interface Snapshot {
  version: number
  expires: number
  list: { sha256: string; bytes: number }
}

/** RFC 8785, as far as it is needed here. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, one) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  )
/** What stands before an Ed25519 secret in PKCS #8 (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')

/** With the key as it is now; `forge` makes of an honest answer one of the thief's own. */
export function steal(data: string) {
  const path = join(data, 'tasks', 'keys', 'snapshot.json')
  const key = JSON.parse(readFileSync(path, 'utf8')) as { public: string; secret: string }
  const der = Buffer.concat([PKCS8, Buffer.from(key.secret, 'hex')])
  const secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  return {
    forge(
      honest: Active,
      {
        tasks = (all) => all,
        ...changes
      }: { tasks?: (all: Listed['tasks']) => Listed['tasks'] } & Partial<
        Pick<Snapshot, 'version' | 'expires'>
      > = {},
    ): Active {
      const listed = JSON.parse(honest.list) as Listed
      const list = canonical({ ...listed, tasks: tasks(listed.tasks) })
      const before = JSON.parse(honest.snapshot).signed as Snapshot
      const signed = {
        ...before,
        version: before.version + 1,
        ...changes,
        list: { sha256: createHash('sha256').update(list).digest('hex'), bytes: Buffer.byteLength(list) },
      }
      const signature = sign(null, Buffer.from(canonical(signed)), secret).toString('hex')
      return {
        ...honest,
        snapshot: canonical({ signed, signatures: [{ key: key.public, signature }] }),
        list,
      }
    },
  }
}
