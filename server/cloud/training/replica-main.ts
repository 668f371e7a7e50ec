/** The far side of threads.ts. */
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { toFailure } from '../../../shared/failure.ts'
import { openStore } from '../../store/lmdb.ts'
import { learn } from './lesson.ts'
import type { FromReplica, Seat } from './threads.ts'

const { lesson, index } = workerData as Seat
const say = (message: FromReplica) => parentPort!.postMessage(message)
const store = openStore(join(lesson.keep.dir, 'store'))
/** It is the team that is stopped. */
const { signal } = new AbortController()
try {
  const learnt = await learn(lesson, index, store, {
    signal,
    progress: (progress) => say({ type: 'progress', progress }),
  })
  say({ type: 'done', learnt })
} catch (error) {
  say({ type: 'failed', failure: toFailure(error), stack: error instanceof Error ? error.stack : undefined })
} finally {
  await store.close()
}
