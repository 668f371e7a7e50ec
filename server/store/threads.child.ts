/** For threads.test.ts: reads whatever there is, over and over, until it is told to stop. */
import { parentPort, workerData } from 'node:worker_threads'
import { openStore } from './lmdb.ts'

const port = parentPort!
const store = openStore(workerData as string)
let stopped = false
port.on('message', () => {
  stopped = true
})
const found = { looks: 0, rows: 0, wrong: 0, missing: 0 }
while (!stopped || found.looks === 0) {
  store.refresh()
  const { ids } = await store.samples.owned()
  const rows = await store.samples.rows(ids)
  found.looks++
  rows.forEach((row, i) => {
    if (!row) found.missing++
    else if (row.readUInt32BE() !== ids[i]) found.wrong++
    else found.rows++
  })
  if (found.looks === 1) port.postMessage('looking')
  await new Promise(setImmediate)
}
await store.close()
port.postMessage(found)
port.close()
