/** For crash.test.ts: a process to be killed. What it says, a line at a time, is on standard output. */
import { pino } from 'pino'
import { openCloud } from '../cloud/cloud.ts'
import { BIG, NOON, toyPrivacy, toySource } from '../cloud/toy.ts'
import { createApp } from './app.ts'
import { listen } from './listen.ts'

const [what, dataDir = ''] = process.argv.slice(2)
const say = (text: string) => process.stdout.write(`${text}\n`)
const cloud = await openCloud({ dataDir, clock: { now: () => NOON }, privacy: toyPrivacy() })
const progress = ({ stage, done }: { stage: string; done: number }) => say(`${stage} ${done}`)
if (what === 'import') await cloud.importSource(toySource(BIG), progress)
else if (what === 'prepare') await cloud.prepare({ progress })
else {
  const app = createApp({ cloud, log: pino({ level: 'silent' }) })
  say((await listen(app, { port: 0, host: '127.0.0.1' })).url)
}
if (what !== 'serve') await cloud.close()
