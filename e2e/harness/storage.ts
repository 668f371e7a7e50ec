/** A page in which the device's tests of what it stores run on the browser's own IndexedDB and Web Locks. */
import { deleteDatabases } from './indexeddb.ts'
import { afterEach, type Outcome, runTests } from './vitest.ts'

const files = {
  models: () => import('../../worker/device/models/models.test.ts'),
  'models.walk': () => import('../../worker/device/models/models.walk.test.ts'),
  samples: () => import('../../worker/device/samples/samples.test.ts'),
  ages: () => import('../../worker/device/storage/ages.test.ts'),
  versions: () => import('../../worker/device/tabs/versions.test.ts'),
  storage: () => import('../../worker/device/storage/withstand.test.ts'),
  eviction: () => import('../../worker/device/storage/eviction.test.ts'),
  leader: () => import('../../worker/device/tabs/leader.test.ts'),
  tabs: () => import('../../worker/device/tabs/tabs.test.ts'),
}

function runStorageTests(): Promise<Outcome[]> {
  const cleaned = Object.entries(files).map(([name, load]) => [
    name,
    () => {
      // Hooks run in reverse: the tests' own, which close their databases, come first.
      afterEach(deleteDatabases)
      return load()
    },
  ])
  return runTests(Object.fromEntries(cleaned))
}

Object.assign(window, { runStorageTests })
