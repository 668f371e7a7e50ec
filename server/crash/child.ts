/** The process that is killed: the whole server on a data folder, whose days are short. It is told and tells by lines. */
import { createInterface } from 'node:readline'
import { pino } from 'pino'
import { openCloud } from '../cloud/cloud.ts'
import { privacy } from '../cloud/privacy/settings.ts'
import { createApp } from '../http/app.ts'
import { NO_LIMITS } from '../http/limits.ts'
import { listen } from '../http/listen.ts'
import { PLANTED } from './planted.ts'
import { clockSince, crowd } from './world.ts'

const [dataDir = '', epoch = '', bug = ''] = process.argv.slice(2)
const say = (text: string) => process.stdout.write(`${text}\n`)
const clock = clockSince(Number(epoch))
const log = pino({ level: 'warn' }, { write: (line) => say(`error ${line.trim()}`) })

const plant = PLANTED[bug]
await plant?.before?.(dataDir)
const real = await openCloud({ dataDir, clock, privacy: privacy({ hideBelow: 1 }), log })
const cloud = plant?.cloud?.(real, dataDir) ?? real
if (await cloud.isEmpty()) await cloud.importSource(crowd(0, clock.now()))
const app = createApp({ cloud, log, clock, limits: NO_LIMITS })
const server = await listen(app, { port: 0, host: '127.0.0.1' })
cloud.followDays(50)
cloud.followFresh(300)
say(`ready ${server.url}`)

for await (const line of createInterface({ input: process.stdin })) {
  const [word, n] = line.split(' ')
  if (word === 'stop') break
  const halfway = () => say('importing')
  cloud.importSource(crowd(Number(n), clock.now()), halfway).then(
    () => say(`imported ${n}`),
    (error: Error) => say(`error ${error.stack}`),
  )
}
await server.close()
await cloud.close()
process.stdin.destroy()
