/** What is to be published from a data folder, which a server may be using: it is only read. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../shared/clock.ts'
import { AppError } from '../../shared/failure.ts'
import { loadManifest, readArtifact } from '../cloud/release.ts'
import { openStore } from '../store/lmdb.ts'
import { openDelivery } from './delivery.ts'
import { readKeys } from './keys.ts'
import type { Source } from './publish.ts'
import { openReleases } from './releases.ts'
import { rulesOf } from './tasks.ts'

/** Throws `not-ready` where no server has yet made tasks and keys in the folder. */
export async function openReader(
  dir: string,
  clock: Clock = systemClock,
): Promise<Source & { close(): Promise<void> }> {
  const folder = join(dir, 'tasks')
  const secrets = join(folder, 'keys')
  if (!existsSync(join(dir, 'store')) || !existsSync(secrets))
    throw new AppError('not-ready', `There are no tasks in ${dir} yet: start a server on it once.`)
  const ring = await readKeys(secrets)
  const store = openStore(join(dir, 'store'))
  const delivery = openDelivery({ folder: join(secrets, 'metadata'), keys: async () => ring, clock })
  const data = { manifest: () => loadManifest(store), artifact: (hash: string) => readArtifact(dir, hash) }
  return {
    tasks: {
      delivery,
      async rules(lifeMs) {
        const releases = await openReleases({ store, manifestOf: delivery.manifestOf, clock })
        return rulesOf({ releases, delivery, data: data.manifest }, lifeMs)
      },
      artifact: (hash) => readArtifact(folder, hash),
      root: async (version) => ring.roots[version - 1],
    },
    data,
    close: () => store.close(),
  }
}
