/** The far side of pool.ts: a seed comes in, an outcome goes out. */
import { parentPort } from 'node:worker_threads'
import { createReleases } from './server.ts'
import { type Outcome, torture } from './torture.ts'

const port = parentPort!
const releases = await createReleases()
port.on('message', async (seed: number) => {
  port.postMessage((await torture({ seed, releases })) satisfies Outcome)
})
port.postMessage('ready')
