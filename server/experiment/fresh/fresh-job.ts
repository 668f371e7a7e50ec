/** Some users with their devices, hour after hour: what runs in a thread. */
import { type Catalogue, itemIndex } from '../../../shared/catalogue.ts'
import { DAY_MS } from '../../../shared/clock.ts'
import { createFusedEngine } from '../../../shared/engine/fused/engine.ts'
import type { ItemContext, KindredEvent } from '../../../shared/event.ts'
import { type Context, createContext, UserState } from '../../../shared/generate.ts'
import { hyper } from '../../../shared/hyper.ts'
import { din } from '../../../shared/model/spec.ts'
import { pack } from '../../../shared/sample.ts'
import type { Manifest } from '../../../shared/task.ts'
import { openScorer, type Scorer } from '../../../worker/device/models/scorer.ts'
import type { Impression } from '../../sources/globo-impressions.ts'
import type { Arm } from '../arms.ts'
import { createCachingFetch } from '../http-cache.ts'
import { seedOf } from '../luck.ts'
import { createPerson, type Person } from '../person.ts'
import { placeOf } from '../statistics/ranking.ts'
import type { Done } from '../threads.ts'
import { tokenOf } from '../tokens.ts'
import type { FreshRow, Places } from './results.ts'

export interface Common {
  readonly start: number
  readonly seed: number
  readonly secret: Uint8Array
  readonly catalogue: Catalogue
  readonly arms: readonly (Arm & { readonly server: string })[]
}

/** An hour of those users whom this thread has. */
export interface Task {
  /** The global models at its beginning, and where they can be downloaded. */
  readonly models: Readonly<Record<'cloud' | 'hourly', { manifest: Manifest; server: string }>>
  /** In time order; `past` comes with a user's first one. */
  readonly visits: readonly { arm: string; past?: readonly KindredEvent[]; impression: Impression }[]
}

/** A device speaks to the server when there is something to tell, soon after that: not more often than this. */
const SOON_MS = 5000
/** What is passed over is seen a second before the click, as in the past. */
const BEFORE_MS = 1000

interface Somebody {
  readonly arm: Common['arms'][number]
  readonly person: Person
  /** What the global models are told of them. */
  readonly state: UserState
  device: number
  contactAt: number
}

export async function open({ start, seed, secret, catalogue, arms }: Common): Promise<Done<Task, FreshRow>> {
  const engine = await createFusedEngine()
  const index = itemIndex(catalogue)
  const everybody = new Map<number, Somebody>()
  const scorers = new Map<string, { sha256: string; scorer: Scorer }>()
  let now = start
  const clock = { now: () => now }
  let context: Context | undefined
  let day = -1
  let send = createCachingFetch()

  /** One model of each kind is held: the newest. */
  async function scorerOf(name: 'cloud' | 'hourly', { manifest, server }: Task['models']['cloud']) {
    const { sha256 } = manifest.model
    const held = scorers.get(name)
    if (held?.sha256 === sha256) return held.scorer
    held?.scorer.dispose()
    const answer = await send(new URL(`/artifacts/${sha256}`, server))
    const bytes = new Uint8Array(await answer.arrayBuffer())
    const scorer = await openScorer(engine, din(manifest.schema, manifest.ranking), bytes)
    scorers.set(name, { sha256, scorer })
    return scorer
  }

  async function somebody({ arm: name, past = [], impression }: Task['visits'][number]): Promise<Somebody> {
    const known = everybody.get(impression.user)
    if (known) return known
    const arm = arms.find((one) => one.name === name)!
    const person = await createPerson({
      server: arm.server,
      token: await tokenOf(`${impression.user}`, secret, clock),
      past,
      holds: arm.hyper ?? hyper(),
      clock,
      seed: seedOf(seed, `${impression.user}`),
      fetch: (url, request) => send(url, request),
    })
    const state = new UserState(context!)
    for (const event of past) state.observe(event)
    const told = past.findLast((event) => event.type === 'profile')
    const device = told?.type === 'profile' ? Number(told.value) : -1
    const made = { arm, person, state, device, contactAt: Number.NEGATIVE_INFINITY }
    everybody.set(impression.user, made)
    return made
  }

  async function contact({ arm, person }: Somebody): Promise<void> {
    if (arm.hyper) await person.device.contact()
    else await person.arrive()
  }

  /** What each model says of the articles, by article. */
  async function judge(who: Somebody, { models }: Task, { article, exam }: Impression) {
    const { read, any, told } = exam!
    const articles = [...new Set([article, ...read, ...any])]
    const said = articles.map((one): ItemContext => told.get(one)!)
    const { ranked, serving } = await who.person.device.rank({
      items: articles.map(String),
      context: said.map((one) => [...one]),
    })
    const own = new Map(ranked.map(({ item, score }) => [Number(item), score]))
    const samples = who.state.samples(
      articles.map((one) => index.get(`${one}`)!),
      now,
      said,
    )
    const batch = pack(context!.layout, samples)
    const by = async (name: 'cloud' | 'hourly') => {
      const scores = await (await scorerOf(name, models[name])).score(batch)
      return new Map(articles.map((one, i) => [one, scores[i]!]))
    }
    const all = { arm: own, cloud: await by('cloud'), hourly: await by('hourly') }
    const placed = (others: readonly number[]): Places => {
      const place = (scores: ReadonlyMap<number, number>) =>
        placeOf([article, ...others].map((one) => scores.get(one)!))
      return { arm: place(all.arm), cloud: place(all.cloud), hourly: place(all.hourly) }
    }
    return { read: placed(read), any: placed(any), sha256: serving.sha256 }
  }

  /** The feed and the click, on the device and in what the global models are told. */
  async function live(who: Somebody, { at, device, article, passedOver, told }: Impression): Promise<void> {
    const shown = [article, ...passedOver].map((one) => ({
      type: 'exposure' as const,
      item: `${one}`,
      context: [...told.get(one)!],
    }))
    const value = `${device}`
    const changed = device === who.device ? [] : [{ type: 'profile' as const, name: 'device', value }]
    who.device = device
    now = at - BEFORE_MS
    const seen = [...changed, ...shown]
    await who.person.device.track({ events: seen })
    for (const event of seen) who.state.observe({ ...event, id: '', at: now })
    now = at
    await who.person.device.track({ events: [{ type: 'click', item: `${article}` }] })
    who.state.observe({ type: 'click', id: '', at, item: `${article}`, exposure: '' })
  }

  return async (task, tell) => {
    const { manifest } = task.models.cloud
    context ??= createContext(manifest.schema, catalogue, manifest.hyper)
    for (const visit of task.visits) {
      const { impression } = visit
      now = impression.at - BEFORE_MS
      const today = Math.floor((now - start) / DAY_MS)
      // Yesterday's artifacts are of no use any more.
      if (today !== day) send = createCachingFetch()
      day = today
      const who = await somebody(visit)
      if (now - who.contactAt >= SOON_MS) {
        await contact(who)
        who.contactAt = now
      }
      if (impression.exam) {
        const { sha256, ...places } = await judge(who, task, impression)
        const models = Object.values(task.models).map(({ manifest }) => manifest.model.sha256)
        const own = who.arm.hyper !== null && !models.includes(sha256)
        tell({ arm: who.arm.name, user: `${impression.user}`, day, age: impression.age, own, ...places })
      }
      await live(who, impression)
    }
  }
}
