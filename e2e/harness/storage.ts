/** A page in which the device's tests of what it stores run on the browser's own IndexedDB and Web Locks. */
import { deleteDatabases } from './indexeddb.ts'
import { afterEach, type Outcome, runTests } from './vitest.ts'

const files = {
  models: () => import('../../worker/device/models.test.ts'),
  samples: () => import('../../worker/device/samples.test.ts'),
  storage: () => import('../../worker/device/storage.test.ts'),
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
