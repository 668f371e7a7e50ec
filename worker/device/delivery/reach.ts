/** The server as the place where tasks come from: one question, whose answer brings most of it along. */
import { AppError } from '../../../shared/failure.ts'
import { sha256 as hash } from '../../../shared/hash.ts'
import type { Reach } from '../../../shared/tasks/contact.ts'
import type { Facts } from '../../platform.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** What a device has already. */
export interface Held {
  /** Version of the root that it trusts, 0 for none. */
  readonly root: number
  readonly etag: string | null
  /** Artifacts by their SHA-256. */
  readonly files: ReadonlyMap<string, Bytes>
  /** SHA-256 of what it has in another form, and need not be sent. */
  readonly known: readonly string[]
}

/** Where tasks come from, once it was asked. */
export interface Asked extends Reach {
  /** The first root; only for who trusts none yet. */
  first(): Bytes
  /** Of the answer; null where it has none. */
  readonly etag: string | null
  /** What time it is there, ms; undefined where it does not say. */
  readonly at: number | undefined
}

const bytesOf = (text: string): Bytes => new TextEncoder().encode(text)

/** Asks the server. */
export async function askServer(
  tunnel: Pick<Tunnel, 'active' | 'artifact'>,
  facts: Facts,
  { root, etag, files, known }: Held,
  signal?: AbortSignal,
): Promise<Asked> {
  const said = { ...facts, root, have: [...files.keys(), ...known] }
  const come = await tunnel.active(said, etag, signal)
  const roots = (come?.answer.roots ?? []).map(bytesOf)
  const along = new Map<string, Bytes>(files)
  for (const bytes of (come?.answer.artifacts ?? []).map(bytesOf)) along.set(await hash(bytes), bytes)
  return {
    etag: come ? come.etag : etag,
    at: come?.at,
    first() {
      const [first] = roots
      if (root > 0 || !first) throw new AppError('bad-artifact', 'The server has no root of trust.')
      return first
    },
    now: async () => come && { snapshot: bytesOf(come.answer.snapshot), list: bytesOf(come.answer.list) },
    root: async (version) => roots[version - root - 1],
    artifact: async (sha256, bytes) => along.get(sha256) ?? tunnel.artifact({ sha256, bytes }, signal),
  }
}
