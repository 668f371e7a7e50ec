/** The other side of `verify`: documents with signatures, as bytes. */
import { sha256 } from '../hash.ts'
import { canonicalBytes } from './canonical.ts'
import { type Ed25519, fromHex, toHex } from './ed25519.ts'
import type { List, Root, Snapshot, Targets } from './metadata.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** A document signed by these secrets (hex), each by its own public key. */
export async function sign(
  document: Root | Targets | Snapshot,
  secrets: readonly string[],
  by: Ed25519,
): Promise<Bytes> {
  const message = canonicalBytes(document)
  const signatures = secrets.map(async (hex) => {
    const secret = fromHex(hex)
    return { key: toHex(await by.publicKey(secret)), signature: toHex(await by.sign(secret, message)) }
  })
  return canonicalBytes({ signed: document, signatures: await Promise.all(signatures) })
}

export const listBytes = (list: List): Bytes => canonicalBytes(JSON.parse(JSON.stringify(list)))

/** How a snapshot names a file. */
export const fileOf = async (bytes: Bytes) => ({ sha256: await sha256(bytes), bytes: bytes.length })
