/** A static host in the server's place: for all devices the same files, from which each finds out what is for it (`kindred publish`). */
import * as z from 'zod'
import { AppError, parse } from '../../../shared/failure.ts'
import { manifestSchema } from '../../../shared/task.ts'
import { MAX_ROOTS } from '../../../shared/tasks/contact.ts'
import {
  DOCUMENT_LIMITS,
  envelopeSchema,
  type Snapshot,
  snapshotSchema,
} from '../../../shared/trust/metadata.ts'
import { together } from '../../turns.ts'
import type { Down } from './down.ts'
import { type Answer, type Line, readAs } from './line.ts'

type Bytes = Uint8Array<ArrayBuffer>

const rootsSchema = z.looseObject({ newest: z.int().min(1) })
const NEWEST = { cache: 'no-store' } as const

/** What a tunnel asks that the same answer serves for everybody. */
export type Files = Pick<Down, 'task' | 'active'>

/** `line` reaches the host; nothing of what it says is believed before `shared/trust` has seen it. */
export function createFiles(line: Line, artifact: Down['artifact']): Files {
  const json = (path: string, signal: AbortSignal | undefined) =>
    line(path, NEWEST, (answer) => answer.jsonBytes(), signal)

  async function rootsAfter(version: number, signal: AbortSignal | undefined): Promise<string[]> {
    const { newest } = readAs(rootsSchema, await json('/trust/roots.json', signal))
    const count = Math.max(0, Math.min(newest - version, MAX_ROOTS))
    const due = Array.from({ length: count }, (_, i) => version + 1 + i)
    return together(...due.map(async (one) => textOf(await json(`/trust/${one}.root.json`, signal))))
  }

  return {
    async task(etag, signal) {
      const { data } = namedIn(await json('/trust/snapshot.json', signal))
      if (!data) return { state: 'none' }
      const { sha256 } = data
      if (etag === tagOf(sha256)) return { state: 'unchanged' }
      const manifest = readAs(manifestSchema, await artifact(data, signal))
      return { state: 'new', manifest, etag: tagOf(sha256), sha256 }
    },

    async active({ root = 0 }, _, signal) {
      const read = async (answer: Answer) => ({
        bytes: await answer.jsonBytes(),
        at: Date.parse(answer.header('date') ?? ''),
      })
      const [{ bytes, at }, roots] = await together(
        line('/trust/snapshot.json', NEWEST, read, signal),
        rootsAfter(root, signal),
      )
      const list = textOf(await artifact(namedIn(bytes).list, signal))
      return {
        answer: { snapshot: textOf(bytes), list, roots, artifacts: [] },
        // What follows from the rules may be something else the next time, though they are the same.
        etag: null,
        at: Number.isNaN(at) ? undefined : at,
      }
    },
  }
}

const tagOf = (sha256: string): string => `"${sha256}"`
const textOf = (bytes: Bytes): string => new TextDecoder().decode(bytes)

/** What a snapshot names, before anything of it is believed. */
function namedIn(bytes: Bytes): Snapshot {
  if (bytes.length > DOCUMENT_LIMITS.snapshot)
    throw new AppError('bad-artifact', 'The snapshot is too large.')
  return parse(snapshotSchema, readAs(envelopeSchema, bytes).signed, 'The snapshot')
}
