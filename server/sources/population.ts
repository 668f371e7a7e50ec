/**
 * People for the demo whose tastes are known, so that personalisation has something to find and can be held against
 * the truth. Kindred people come of one archetype: a few loved and disliked topics, and manners of telling that
 * they like or not. Each person varies it, and has a level of clicking of their own.
 */
import type { Catalogue } from '../../shared/catalogue.ts'
import { type Random, seeded } from '../../shared/random.ts'
import { catalogueOf, manners, type Story, tellStories } from './demo-stories.ts'
import { topics } from './demo-topics.ts'

/** What makes a person click on a story: parts that add up to log-odds. */
export interface Appeal {
  /** How readily this person clicks on anything. */
  readonly level: number
  /** How well everybody likes the story. */
  readonly popularity: number
  /** How this person likes its topics. */
  readonly topic: number
  /** How this person likes its manner. */
  readonly manner: number
}

export interface Population {
  readonly catalogue: Catalogue
  /** People are numbered 0 … size − 1. */
  readonly size: number
  /** Which archetype a person comes of. */
  archetypeOf(person: number): number
  /** The topics that a person loves. */
  lovedBy(person: number): readonly number[]
  /** `item` is a position in the catalogue. */
  appeal(person: number, item: number): Appeal
}

interface Taste {
  readonly topics: Float64Array
  readonly manners: Float64Array
  readonly loved: readonly number[]
}

/** People of one archetype, about. */
const KINDRED = 30
const LOVED = 3
const DISLIKED = 3

/** The probability of a click. */
export const chanceOf = ({ level, popularity, topic, manner }: Appeal): number =>
  1 / (1 + Math.exp(-(level + popularity + topic + manner)))

/** The same population for the same seed. */
export function createPopulation({ seed, size }: { seed: number; size: number }): Population {
  const stories = tellStories(seed)
  const random = seeded(seed ^ 0x5eed)
  const popularity = Float64Array.from(stories, () => 0.55 * random.normal())
  const archetypes = Array.from({ length: Math.max(2, Math.round(size / KINDRED)) }, () => archetype(random))
  const people = Array.from({ length: size }, () => {
    const kind = random.below(archetypes.length)
    return { kind, level: -1.9 + 0.4 * random.normal(), taste: variation(archetypes[kind]!, random) }
  })
  return {
    catalogue: catalogueOf(stories),
    size,
    archetypeOf: (person) => people[person]!.kind,
    lovedBy: (person) => people[person]!.taste.loved,
    appeal(person, item) {
      const { level, taste } = people[person]!
      return { level, popularity: popularity[item]!, ...likingOf(taste, stories[item]!) }
    },
  }
}

function archetype(random: Random): Taste {
  const order = random.shuffle(Array.from(topics.keys()))
  const loved = order.slice(0, LOVED)
  const taste = { topics: new Float64Array(topics.length), manners: new Float64Array(manners.length), loved }
  for (const topic of loved) taste.topics[topic] = 1.8 + 0.8 * random.next()
  for (const topic of order.slice(LOVED, LOVED + DISLIKED)) taste.topics[topic] = -1.6
  const [best, good, worst] = random.shuffle(Array.from(manners.keys())) as [number, number, number]
  taste.manners[best] = 1.5
  taste.manners[good] = 0.7
  taste.manners[worst] = -1.5
  return taste
}

/** One person's version: everything a little different, and sometimes a love lost or found. */
function variation(kind: Taste, random: Random): Taste {
  const own = {
    topics: kind.topics.map((liking) => liking + 0.3 * random.normal()),
    manners: kind.manners.map((liking) => liking + 0.3 * random.normal()),
  }
  const loved = [...kind.loved]
  const chance = random.next()
  if (chance < 0.25) own.topics[loved.pop()!] = 0
  if (chance > 0.1 && chance < 0.45) {
    const found = random.below(topics.length)
    own.topics[found] = 2
    if (!loved.includes(found)) loved.push(found)
  }
  return { ...own, loved }
}

function likingOf(taste: Taste, story: Story): { topic: number; manner: number } {
  const topic = story.topics.reduce((sum, t) => sum + taste.topics[t]!, 0) / story.topics.length
  return { topic, manner: taste.manners[story.manner]! }
}
