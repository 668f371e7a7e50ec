/** Tasks without a repository, releases or keys of an operator: for servers of simulations and experiments, which live for a moment. */
import { gzipSync } from 'node:zlib'
import type { Manifest } from '../../shared/task.ts'
import type { Delivered } from '../../shared/tasks/contact.ts'
import { sealTask } from '../../shared/tasks/manifest.ts'
import { Delivering } from '../../worker/testing/delivering.ts'
import type { Artifact } from '../cloud/release.ts'
import { shippedIn } from '../tasks/shipped.ts'
import type { Tasks } from '../tasks/tasks.ts'

/** Those that ship with Kindred, as they are built. */
export const shippedTasks = (): Promise<Delivered[]> =>
  Promise.all(
    shippedIn().map(async ({ draft, files }) => ({ manifest: await sealTask(draft, 1, files), files })),
  )

export interface Standing {
  /** For `createApp`. */
  readonly tasks: Tasks
  /** Everybody has these from now on, and no others. */
  release(tasks: readonly Delivered[]): void
  /** What of them is asked for by its SHA-256, as a cloud has it. */
  artifact(sha256: string): Promise<Artifact | undefined>
}

/** `data` are those that are deployed, at each moment. */
export function standingTasks(
  data: () => Manifest | undefined | Promise<Manifest | undefined>,
  tasks: readonly Delivered[],
): Standing {
  const delivering = new Delivering(data, tasks)
  async function artifact(sha256: string): Promise<Artifact | undefined> {
    const bytes = await delivering.artifact(sha256)
    return bytes && { bytes: Buffer.from(bytes), gzip: Buffer.from(gzipSync(bytes)) }
  }
  const { rootsAfter, newestRoot, root } = delivering
  const served = {
    rootsAfter,
    newestRoot,
    root,
    artifact,
    contact: delivering.contact.bind(delivering),
    delivery: { targets: () => undefined },
  }
  return { tasks: served as unknown as Tasks, release: (next) => delivering.release(next), artifact }
}
