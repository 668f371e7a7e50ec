/** What has changed little is downloaded as what it differs in from what is here. */
import { applyDelta } from '../../../shared/delta.ts'
import { AppError } from '../../../shared/failure.ts'
import { sha256 as hash } from '../../../shared/hash.ts'
import type { Changing } from '../../../shared/task.ts'
import { Refusal } from '../tunnel/line.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'

type Bytes = Uint8Array<ArrayBuffer>

/**
 * The file that was promised, by a delta where there is one from `had`, the file that it takes the place of. One that is damaged, or gone from the
 * server, or does not make the promised file costs a download: then it comes whole. Throws as `tunnel.artifact`.
 */
export async function fetchChanging(
  tunnel: Pick<Tunnel, 'artifact'>,
  promised: Changing,
  had: { readonly sha256: string; readonly bytes: Bytes } | undefined,
  signal?: AbortSignal,
): Promise<Bytes> {
  const delta = promised.deltas?.find(({ from }) => from === had?.sha256)
  if (delta && had) {
    try {
      const bytes = applyDelta(had.bytes, await tunnel.artifact(delta, signal))
      if (bytes.length === promised.bytes && (await hash(bytes)) === promised.sha256) return bytes
    } catch (error) {
      if (!isItsFault(error)) throw error
    }
  }
  return tunnel.artifact(promised, signal)
}

const isItsFault = (error: unknown): boolean =>
  (error instanceof AppError && error.code === 'bad-artifact') ||
  (error instanceof Refusal && error.status === 404)
