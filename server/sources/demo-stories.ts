/** The catalogue of the demo: 600 short stories, each with a title, one or two topics and a manner of telling. */
import type { Catalogue } from '../../shared/catalogue.ts'
import { type Random, seeded } from '../../shared/random.ts'
import { type Topic, topics } from './demo-topics.ts'

/** How a story is told. People sense it in the title; no feature names it, so a model must find it in the clicks. */
export const manners = ['guide', 'history', 'field notes', 'portrait', 'reflection'] as const

export interface Story {
  readonly title: string
  /** One or two, as positions in `topics`. */
  readonly topics: readonly number[]
  /** Position in `manners`. */
  readonly manner: number
}

/** Stories of each manner in each topic: 24 × 5 × 5 = 600. */
const EACH = 5
/** Share of the stories that join two topics. */
const CROSSOVERS = 0.3

type Ending = readonly [of: keyof Omit<Topic, 'name'>, wordings: readonly ((phrase: string) => string)[]]

const wordings: readonly Ending[] = [
  [
    'deeds',
    [
      (deed) => `How to ${deed}`,
      (deed) => `The patient way to ${deed}`,
      (deed) => `Nobody told me how to ${deed}`,
      (deed) => `Seven tries to ${deed}`,
      (deed) => `It takes two to ${deed}`,
    ],
  ],
  [
    'things',
    [
      (thing) => `A short history of ${thing}`,
      (thing) => `The year that changed ${thing}`,
      (thing) => `Where ${thing} came from`,
      (thing) => `A museum for ${thing}`,
      (thing) => `Before ${thing}, and after`,
    ],
  ],
  [
    'places',
    [
      (place) => `Notes from ${place}`,
      (place) => `A week at ${place}`,
      (place) => `First light, ${place}`,
      (place) => `Rain at ${place}`,
      (place) => `Nothing happened at ${place}`,
    ],
  ],
  [
    'people',
    [
      (person) => `An hour with ${person}`,
      (person) => `The promise of ${person}`,
      (person) => `What became of ${person}`,
      (person) => `Breakfast with ${person}`,
      (person) => `In the words of ${person}`,
    ],
  ],
  [
    'things',
    [
      (thing) => `In praise of ${thing}`,
      (thing) => `What I learnt from ${thing}`,
      (thing) => `On grief, patience and ${thing}`,
      (thing) => `Growing older with ${thing}`,
      (thing) => `A small theory of ${thing}`,
    ],
  ],
]

/** Titles of stories that join two topics, one wording for each manner. */
const crossings: readonly ((a: Topic, b: Topic, pick: Pick) => string)[] = [
  (a, b, pick) => `How to ${pick(a.deeds)}, with help from ${pick(b.people)}`,
  (a, b, pick) => `From ${pick(a.things)} to ${pick(b.things)}: a short history`,
  (a, b, pick) => `Between ${pick(a.places)} and ${pick(b.places)}`,
  (a, b, pick) => `When ${pick(a.people)} met ${pick(b.people)}`,
  (a, b, pick) => `What ${pick(a.things)} taught me about ${pick(b.things)}`,
]
type Pick = (phrases: readonly string[]) => string

/** The same stories for the same seed; titles are unique. */
export function tellStories(seed: number): Story[] {
  const random = seeded(seed)
  const taken = new Set<string>()
  const stories: Story[] = []
  for (const [topic, about] of topics.entries()) {
    for (const manner of manners.keys()) {
      const titles = plainTitles(about, manner, random)
      while (titles.length > 0 && stories.length < (topic * manners.length + manner + 1) * EACH) {
        const other = random.next() < CROSSOVERS ? otherThan(topic, random) : undefined
        const title = other === undefined ? titles.pop()! : crossing(about, topics[other]!, manner, random)
        if (taken.has(title)) continue
        taken.add(title)
        stories.push({ title, topics: other === undefined ? [topic] : [topic, other], manner })
      }
    }
  }
  return random.shuffle(stories)
}

/** The stories as what can be ranked; an item's key is its number among them. */
export function catalogueOf(stories: readonly Story[]): Catalogue {
  return {
    name: 'Kindred demo',
    noun: 'story',
    categories: topics.map((topic) => topic.name),
    items: stories.map(({ title, topics }, i) => ({ key: `story-${i + 1}`, title, categories: [...topics] })),
  }
}

/** More titles than are needed: every wording with every phrase, each wording before any comes again. */
function plainTitles(about: Topic, manner: number, random: Random): string[] {
  const [of, ways] = wordings[manner]!
  const phrases = random.shuffle([...about[of]])
  const rounds = phrases.map((_, shift) =>
    random.shuffle([...ways]).map((way, i) => way(phrases[(i + shift) % phrases.length]!)),
  )
  return rounds.flat().reverse()
}

function crossing(about: Topic, other: Topic, manner: number, random: Random): string {
  return crossings[manner]!(about, other, (phrases) => phrases[random.below(phrases.length)]!)
}

const otherThan = (topic: number, random: Random): number =>
  (topic + 1 + random.below(topics.length - 1)) % topics.length
