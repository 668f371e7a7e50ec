/**
 * For crash.test.ts: a server to be killed, which says where it listens; or an import or a preparation that kills itself half-way,
 * as nobody could who hears of it from outside: on a slow machine it is over by then.
 */
import { join } from 'node:path'
import { pino } from 'pino'
import { DELIVERY, hyper } from '../../shared/hyper.ts'
import { openCloud } from '../cloud/cloud.ts'
import { createJobs } from '../cloud/jobs.ts'
import { BIG, NOON, toyPrivacy, toySource } from '../cloud/toy.ts'
import { openStore } from '../store/lmdb.ts'
import { createApp } from './app.ts'
import { listen } from './listen.ts'

const [what, dataDir = ''] = process.argv.slice(2)
const kill = () => process.kill(process.pid, 'SIGKILL')
const open = () => openCloud({ dataDir, clock: { now: () => NOON }, privacy: toyPrivacy() })
if (what === 'import') {
  const cloud = await open()
  await cloud.importSource(toySource(BIG), ({ stage, done }) => {
    if (stage.startsWith('Importing') && done > BIG.count * (BIG.exposures / 2)) kill()
  })
} else if (what === 'prepare') {
  // In this thread: another one would go on while it tells how far it is.
  const room = {
    dir: dataDir,
    store: openStore(join(dataDir, 'store')),
    tell() {},
    hyper: hyper(),
    privacy: toyPrivacy(),
    sliceAbove: DELIVERY.sliceAbove,
    freshBatches: 0,
  }
  const progress = ({ stage, done, total }: { stage: string; done: number; total: number }) => {
    if (stage === 'Making samples' && done < total) kill()
  }
  await createJobs(room).prepare({ now: NOON }, { progress, signal: new AbortController().signal })
} else {
  const app = createApp({ cloud: await open(), log: pino({ level: 'silent' }) })
  process.stdout.write(`${(await listen(app, { port: 0, host: '127.0.0.1' })).url}\n`)
}
