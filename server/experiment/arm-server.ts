/**
 * The server of one arm: the real routes over the one cloud of all arms, which gives its devices the arm's hyper-parameters
 * and batches, and the model that is to be compared.
 */
import type { Clock } from '../../shared/clock.ts'
import { seeded } from '../../shared/random.ts'
import type { Manifest } from '../../shared/task.ts'
import type { Cloud } from '../cloud/cloud.ts'
import type { Artifact } from '../cloud/release.ts'
import { createApp } from '../http/app.ts'
import { createIdentity } from '../http/identity.ts'
import { NO_LIMITS } from '../http/limits.ts'
import { type Listening, listen } from '../http/listen.ts'
import { createLog } from '../http/log.ts'
import type { Arm } from './arms.ts'
import { shippedTasks, standingTasks } from './standing.ts'
import { tokenRules } from './tokens.ts'

export interface ArmServerOptions {
  readonly cloud: Cloud
  readonly arm: Pick<Arm, 'hyper' | 'batches'>
  readonly clock: Clock
  /** Of the tokens that devices show. */
  readonly secret: Uint8Array
  /** Draws whose batches a device gets where it does not get its own. */
  readonly seed: number
  /** The task that is deployed, at each moment; default the cloud's newest. */
  readonly task?: {
    readonly manifest: Manifest | (() => Manifest)
    artifact(sha256: string): Promise<Artifact | undefined>
  }
  /** Whose batches a user gets instead of their own, where users come and go; the same one all day. */
  readonly stranger?: (user: number) => number | Promise<number>
}

/** On loopback, at a free port. */
export async function listenAsArm({ clock, secret, ...how }: ArmServerOptions): Promise<Listening> {
  const arm = await cloudOf(how)
  const { tasks, artifact } = standingTasks(() => arm.manifest(), await shippedTasks())
  const cloud: Cloud = {
    ...arm,
    artifact: async (sha256) => (await arm.artifact(sha256)) ?? artifact(sha256),
  }
  const app = createApp({
    cloud,
    tasks,
    log: createLog(),
    limits: NO_LIMITS,
    clock,
    identity: createIdentity(tokenRules(secret), clock),
  })
  return listen(app, { port: 0, host: '127.0.0.1' })
}

/** Runs `work` while each arm has its server, and tells where that is. */
export async function whileServed<A extends object>(
  arms: readonly A[],
  serve: (arm: A) => Promise<Listening>,
  work: (reached: readonly (A & { readonly server: string })[]) => Promise<void>,
): Promise<void> {
  const servers: Listening[] = []
  try {
    for (const arm of arms) servers.push(await serve(arm))
    await work(arms.map((arm, i) => ({ ...arm, server: servers[i]!.url })))
  } finally {
    await Promise.all(servers.map((server) => server.close()))
  }
}

async function cloudOf({
  cloud,
  arm,
  seed,
  task = cloud,
  stranger,
}: Omit<ArmServerOptions, 'clock' | 'secret' | 'task'> & {
  task?: ArmServerOptions['task'] | Cloud
}): Promise<Cloud> {
  const served: Cloud = {
    ...cloud,
    async manifest() {
      const manifest = typeof task.manifest === 'function' ? await task.manifest() : task.manifest
      return manifest && { ...manifest, ...(arm.hyper && { hyper: arm.hyper }) }
    },
    artifact: (sha256) => task.artifact(sha256),
  }
  if (arm.batches === 'matched') return served
  if (arm.batches === 'none') {
    const list: Cloud['batches'] = async (user) => ({ ...(await cloud.batches(user)), count: 0 })
    return { ...served, batches: list, batch: async () => undefined }
  }
  const other = stranger ?? (await strangers(cloud, seed))
  return {
    ...served,
    batches: async (user) => cloud.batches(await other(user)),
    batch: async (user, day, n) => cloud.batch(await other(user), day, n),
  }
}

/** For each user another: all stand in a circle, in an order drawn by lot. Nobody may come or go meanwhile. */
async function strangers(cloud: Cloud, seed: number): Promise<(user: number) => number> {
  const { users } = await cloud.status()
  const circle = seeded(seed).shuffle(Int32Array.from({ length: users }, (_, user) => user))
  const next = new Map(Array.from(circle, (user, i) => [user, circle[(i + 1) % users]!]))
  return (user) => next.get(user)!
}
