/** Who lives through a replay: the users of all arms, each with a device and the server of their arm, and everybody else. */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../../shared/clock.ts'
import { seeded } from '../../../shared/random.ts'
import type { Manifest } from '../../../shared/task.ts'
import type { Cloud } from '../../cloud/cloud.ts'
import type { Listening } from '../../http/listen.ts'
import type { Impression } from '../../sources/globo-impressions.ts'
import { listenAsArm } from '../arm-server.ts'
import type { Arm } from '../arms.ts'
import { lotOf } from './buckets.ts'
import type { Common, Task } from './fresh-job.ts'
import type { Hourly } from './hourly.ts'
import { createLane, type Lane } from './lane.ts'
import { createReaders } from './readers.ts'
import type { FreshRow } from './results.ts'
import { createStrangers } from './strangers.ts'
import type { World } from './world.ts'

/** An arm, and which global model its devices are given. */
export interface FreshArm extends Arm {
  readonly model: 'cloud' | 'hourly'
}

export interface CrewOptions {
  readonly world: Pick<World, 'arms' | 'lived' | 'start' | 'past' | 'activity'>
  readonly arms: readonly FreshArm[]
  readonly cloud: Cloud
  readonly hourly: Hourly
  readonly clock: Clock
  readonly threads: number
  readonly seed: number
  readonly tell: (row: FreshRow) => void
}

export interface Crew {
  /** Everybody lives through these impressions; the models are those that the server has now. */
  live(impressions: readonly Impression[], models: Record<'cloud' | 'hourly', Manifest>): Promise<void>
  end(): Promise<void>
}

/** Where the models come from that every arm is compared with. */
const JUDGE = { hyper: null, batches: 'none' } as const

/** Starts servers and threads; the cloud has its first model already. */
export async function muster(options: CrewOptions): Promise<Crew> {
  const { world, arms, cloud, hourly, clock, threads, seed, tell } = options
  const secret = randomBytes(32)
  const readers = createReaders(cloud, seeded(seed))
  const strangers = createStrangers(seed, othersOf(world))
  const stranger = async (user: number) => {
    const other = strangers.of(user, clock.now())
    return other === undefined ? user : readers.numberOf(other)
  }
  const servers: Listening[] = []
  const lanes: Lane<Task>[] = []
  const known = new Set<number>()

  async function end(): Promise<void> {
    const ended = await Promise.allSettled(lanes.map((lane) => lane.end()))
    for (const server of servers) await server.close()
    const failed = ended.find((one) => one.status === 'rejected')
    if (failed) throw failed.reason
  }

  const serverOf = async (arm: Omit<FreshArm, 'name'>): Promise<string> => {
    const task = arm.model === 'hourly' ? { task: hourly } : {}
    const server = await listenAsArm({ cloud, arm, clock, secret, seed, stranger, ...task })
    servers.push(server)
    return server.url
  }

  try {
    const served: Common['arms'][number][] = []
    for (const arm of arms) served.push({ ...arm, server: await serverOf(arm) })
    const [nightly, hours] = [
      await serverOf({ ...JUDGE, model: 'cloud' }),
      await serverOf({ ...JUDGE, model: 'hourly' }),
    ]
    const common: Common = {
      start: world.start,
      seed,
      secret,
      catalogue: world.past.catalogue,
      arms: served,
    }
    const job = new URL('./fresh-job.ts', import.meta.url)
    for (let i = 0; i < threads; i++) lanes.push(createLane(job, common, tell))
    const laneOf = (user: number) => Math.floor(lotOf('lane', `${user}`) * threads)

    return {
      async live(impressions, models) {
        const others = impressions.filter(({ user }) => !world.arms.has(`${user}`))
        const told = {
          cloud: { manifest: models.cloud, server: nightly },
          hourly: { manifest: models.hourly, server: hours },
        }
        const visits = lanes.map((): Task['visits'][number][] => [])
        for (const impression of impressions) {
          const arm = world.arms.get(`${impression.user}`)
          if (arm === undefined) continue
          const isNew = !known.has(impression.user)
          known.add(impression.user)
          const past = isNew ? { past: world.lived(impression.user) } : {}
          visits[laneOf(impression.user)]!.push({ arm, impression, ...past })
        }
        const busy = lanes.flatMap((lane, i) =>
          visits[i]!.length > 0 ? [lane.do({ models: told, visits: visits[i]! })] : [],
        )
        await Promise.all([readers.click(others), ...busy])
        for (const { user, at } of others) strangers.clicked(user, at)
      },
      end,
    }
  } catch (error) {
    await end().catch(() => {})
    throw error
  }
}

/** Nobody who is judged is anybody's stranger. */
const othersOf = ({ activity, arms }: CrewOptions['world']) =>
  new Map([...activity].filter(([user]) => !arms.has(`${user}`)))
