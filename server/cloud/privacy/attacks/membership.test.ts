/** Is this person among them? Of those whose samples a device was handed; and of those whom the global model was trained on. */
import { afterEach, describe, expect, it } from 'vitest'
import type { Model } from '../../../../shared/engine/engine.ts'
import { createFusedEngine } from '../../../../shared/engine/fused/engine.ts'
import { createContext, generateSamples } from '../../../../shared/generate.ts'
import { hyper } from '../../../../shared/hyper.ts'
import { din } from '../../../../shared/model/spec.ts'
import { seeded } from '../../../../shared/random.ts'
import { readSafetensors } from '../../../../shared/safetensors.ts'
import { pack, type Sample } from '../../../../shared/sample.ts'
import { layoutOf } from '../../../../shared/schema.ts'
import { demo } from '../../../sources/demo.ts'
import { type Privacy, privacy } from '../settings.ts'
import { createDiscretion, createValues } from '../values.ts'
import { areaOf, mean, NOON, openWorld, overlap, type Person, tell, type World } from './kit.ts'

const PASSES = 20

let world: World
afterEach(() => world.done())

describe('a person of whom three clicks are known, among those whose samples a device has', () => {
  /** The area under the ROC curve of telling the donors from as many others who are like them. */
  async function attack(settings: Privacy): Promise<number> {
    world = await openWorld({ privacy: settings, hyper: hyper({ neighbours: 25 }), users: 160 })
    const asking = world.people[7]!.clicks.slice(0, 12)
    const handed = await world.handed(await world.join(asking))
    const donors = new Set(handed.map(({ owner }) => owner))
    const random = seeded(1)
    const score = ({ clicks }: Person) => {
      const known = random.shuffle([...new Set(clicks)]).slice(0, 3)
      return Math.max(...handed.map((one) => known.filter((click) => one.clicks.has(click)).length))
    }
    const likeness = ({ clicks }: Person) => overlap(new Set(asking), new Set(clicks))
    const members = world.people.filter(({ user }) => donors.has(user))
    const others = world.people
      .filter(({ user }) => !donors.has(user))
      .sort((a, b) => likeness(b) - likeness(a))
      .slice(0, members.length)
    return areaOf(members.map(score), others.map(score))
  }

  it('is recognised where every item is named, less where rare ones are not, and not where few are', {
    timeout: 60_000,
  }, async () => {
    const found: number[] = []
    // Three populations, one after the other.
    for (const [name, hideBelow] of [
      ['off', 1],
      ['on', 20],
      ['on, and stricter', 40],
    ] as const) {
      found.push(await attack(privacy({ hideBelow })))
      tell('membership in a device’s samples', `${name}: k = ${hideBelow}`, found.at(-1)!, 0.5)
      if (hideBelow < 40) await world.done()
    }
    expect(found[0]).toBeGreaterThan(0.85)
    expect(found[1]).toBeLessThan(found[0]!)
    expect(Math.abs(found[2]! - 0.5)).toBeLessThan(0.15)
  })
})

describe('a person whose samples are known, among those whom the global model was trained on', () => {
  const MEMBERS = 60
  /** The second half are of the same population, and the cloud has never heard of them. */
  const population = (now: number) =>
    demo(undefined, { clock: { now: () => now }, users: 2 * MEMBERS, seed: 1 })

  /** Everybody's samples, as the server makes them. */
  async function samplesOfAll(): Promise<Sample[][]> {
    const { schema, catalogue, store } = world
    const viewers = await store.viewers.counts()
    const discretion = createDiscretion(createValues(schema, catalogue), viewers, privacy().hideBelow)
    const context = createContext(schema, catalogue, hyper(), discretion)
    const all: Sample[][] = []
    for await (const { events } of (await population(NOON)).users())
      all.push(generateSamples(context, events, NOON).map(({ sample }) => sample))
    return all
  }

  /** By a person's loss: what the model has learnt by heart costs it little. */
  async function attack(model: Model, people: readonly Sample[][]): Promise<number> {
    const losses: number[] = []
    for (const samples of people) {
      const clicked = await model.predict(pack(layoutOf(world.schema), samples))
      losses.push(mean(samples.map(({ label }, i) => -Math.log(label === 1 ? clicked[i]! : 1 - clicked[i]!))))
    }
    const likelihood = losses.map((loss) => -loss)
    return areaOf(likelihood.slice(0, MEMBERS), likelihood.slice(MEMBERS))
  }

  it('is not known from the pass that is best on held-out samples, and from one that goes on for long', async () => {
    world = await openWorld({ users: MEMBERS, source: population })
    await world.cloud.train({ threads: 1 })
    const manifest = (await world.cloud.manifest())!
    const weights = readSafetensors((await world.cloud.artifact(manifest.model.sha256))!.bytes)
    const people = await samplesOfAll()
    const engine = await createFusedEngine()
    try {
      const model = await engine.load(din(world.schema, manifest.ranking), weights)
      const found = await attack(model, people)
      const taught = seeded(1).shuffle(people.slice(0, MEMBERS).flat())
      for (let pass = 0; pass < PASSES; pass++)
        for (let at = 0; at < taught.length; at += 64)
          await model.step(pack(layoutOf(world.schema), taught.slice(at, at + 64)), 0.005)
      const overfit = await attack(model, people)
      tell(
        'membership in the global model, by its loss',
        `off: ${PASSES} passes more, none held out`,
        overfit,
        0.5,
      )
      tell('membership in the global model, by its loss', 'on: the best pass on held-out samples', found, 0.5)
      expect(overfit).toBeGreaterThan(0.9)
      expect(found).toBeLessThan(0.6)
    } finally {
      await engine.dispose()
    }
  })
})
